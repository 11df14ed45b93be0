"""What the compared methods see of a coloured view: the network's own input, and gray views as before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from benchmarks.features.choice import make_encoder
from benchmarks.features.cnn import CNNFeatures
from benchmarks.features.colour_vit import ColourViT
from benchmarks.features.pixels import padded_image
from modmap.config import EncoderSettings
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.encoding.square import Square
from modmap.scan import Frame
from tests.benchmarks.baselines.conftest import write_cnn
from tests.modmap.conftest import write_encoder

Array = npt.NDArray[Any]

SIDE = 56  # four patches of 14
RGB = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)


def frame(colour: Array | None = RGB) -> Frame:
    gray = cv2.cvtColor(RGB, cv2.COLOR_RGB2GRAY)
    return Frame("00", gray, np.full((SIDE, SIDE), 500, np.float32), colour=colour)


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> EncoderSettings:
    """A random ViT of three channels."""
    place = write_encoder(tmp_path_factory.mktemp("vit") / "net")
    return EncoderSettings(reference=f"local-dir:{place}")


@pytest.fixture(scope="module")
def one_channel(tmp_path_factory: pytest.TempPathFactory) -> EncoderSettings:
    """A random ViT of one channel."""
    place = write_encoder(tmp_path_factory.mktemp("vit") / "net", in_chans=1)
    return EncoderSettings(reference=f"local-dir:{place}")


class TestPaddedImage:
    def test_padded_image__colour_gray_and_16_bits(self) -> None:
        square = Square(SIDE, SIDE, grid=4)
        np.testing.assert_array_equal(
            padded_image(frame(), square, colour=True), RGB.transpose(2, 0, 1) / np.float32(255)
        )
        for shown, colour in ((frame(), False), (frame(None), True)):
            found = padded_image(shown, square, colour=colour)
            np.testing.assert_array_equal(found, frame().image[None] / np.float32(255))
        deep = padded_image(frame(RGB.astype(np.uint16) * 10), square, colour=True)
        assert deep.max() == 1

    def test_padded_image__border_repeated(self) -> None:
        flat = replace(frame(RGB[:40]), image=frame().image[:40], depth=np.full((40, SIDE), 500, np.float32))
        found = padded_image(flat, Square(40, SIDE, grid=4), colour=True)
        assert found.shape == (3, SIDE, SIDE)
        np.testing.assert_array_equal(found[:, 0], found[:, 8])


class TestColourViT:
    def test_prepare__each_channel_by_the_networks_own_statistics(self, vit: EncoderSettings) -> None:
        encoder = ColourViT(vit, "image", size=SIDE)
        mean, std = (np.array(encoder.model.pretrained_cfg[name]) for name in ("mean", "std"))
        expected = (RGB / 255 - mean) / std
        assert encoder.size == SIDE
        np.testing.assert_allclose(encoder.prepare(frame()).numpy(), expected.transpose(2, 0, 1), atol=1e-5)

    def test_tokens__differ_by_colour_alone_and_gray_views_are_as_modmaps(self, vit: EncoderSettings) -> None:
        ours, plain = (kind(vit, "image", size=SIDE) for kind in (ColourViT, FrozenEncoder))
        swapped = frame(np.ascontiguousarray(RGB[..., ::-1]))
        assert not torch.allclose(ours.tokens(frame()), ours.tokens(swapped))
        assert torch.equal(ours.tokens(frame(None)), plain.tokens(frame(None)))
        assert torch.equal(plain.tokens(frame()), plain.tokens(frame(None)))

    def test_prepare__a_network_of_one_channel_sees_gray(self, one_channel: EncoderSettings) -> None:
        ours, plain = (kind(one_channel, "image", size=SIDE) for kind in (ColourViT, FrozenEncoder))
        assert torch.equal(ours.prepare(frame()), plain.prepare(frame()))


class TestMakeEncoder:
    def test_make_encoder__colour_is_of_the_image_alone(self, vit: EncoderSettings) -> None:
        assert type(make_encoder(vit, "image", size=SIDE)) is ColourViT
        assert type(make_encoder(vit, "image", size=SIDE, colour=False)) is FrozenEncoder
        assert type(make_encoder(vit, "depth", size=SIDE)) is FrozenEncoder

    def test_cnn__sees_colour_where_it_is_asked_to(self, tmp_path: Path) -> None:
        place = write_cnn(tmp_path / "net")
        colour, gray = (
            CNNFeatures(f"local-dir:{place}", "image", size=64, colour=colour) for colour in (True, False)
        )
        assert not torch.allclose(colour.tokens(frame()), colour.tokens(frame(None)))
        assert torch.equal(gray.tokens(frame()), colour.tokens(frame(None)))
        assert torch.equal(gray.tokens(frame()), gray.tokens(frame(None)))
