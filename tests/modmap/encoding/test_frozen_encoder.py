"""Frozen encoders against timm itself, and their inputs against the formulas."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import timm
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]
from torch.nn import functional as F

from modmap import ModMap
from modmap.config import EncoderSettings
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.encoding.input_normalisation import normalise_depth, normalise_depth_robust
from modmap.encoding.square import Square
from modmap.encoding.token_cache import TokenCache
from modmap.errors import ModMapError
from modmap.foreground import foreground_mask
from modmap.scan import Camera, Frame, Scan
from modmap.types import Modality
from tests.hub_server import HubServer, use_hub
from tests.modmap.frozen_encoders import frozen
from tests.real_scans import sokrates_scan
from tests.synthetic_scans import intrinsics, look_at, plane_depth

Array = npt.NDArray[Any]
ScanMaker = Callable[..., Scan]
EncoderMaker = Callable[..., Path]


def _frame(make_scan: ScanMaker) -> Frame:
    return make_scan(views=1).views[0].load()


class TestFrozenEncoder:
    @pytest.mark.parametrize("modality", ["image", "depth"])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_forward__timms_own_tokens(
        self, make_encoder: EncoderMaker, make_scan: ScanMaker, modality: Modality, channels: int
    ) -> None:
        path = make_encoder(in_chans=channels)
        encoder = frozen(path, modality)
        pixels = encoder.prepare(_frame(make_scan))
        assert pixels.shape == (channels, 112, 112)
        assert all(torch.equal(channel, pixels[0]) for channel in pixels)
        model = timm.create_model(f"local-dir:{path}", pretrained=True, img_size=112, num_classes=0).eval()
        with torch.no_grad():
            expected = model.forward_features(pixels[None])[0, 1:]
        found = encoder(pixels[None])
        assert found.shape == (1, 8, 8, 32)
        torch.testing.assert_close(found[0].reshape(64, 32), expected, atol=1e-6, rtol=0)

    @pytest.mark.network
    def test_forward__timms_own_dinov2_tokens(self, dinov2_vits14: Path, make_scan: ScanMaker) -> None:
        encoder = frozen(dinov2_vits14, size=224)
        pixels = encoder.prepare(_frame(make_scan))
        model = timm.create_model(f"local-dir:{dinov2_vits14}", pretrained=True, img_size=224).eval()
        with torch.no_grad():
            expected = model.forward_features(pixels[None])[0, 1:]
        assert encoder.channels == 384
        torch.testing.assert_close(encoder(pixels[None])[0].flatten(0, 1), expected, atol=1e-5, rtol=0)

    def test_forward__tokens_of_a_block(self, make_encoder: EncoderMaker, make_scan: ScanMaker) -> None:
        path = make_encoder()
        encoder = frozen(path, layer=0)
        pixels = encoder.prepare(_frame(make_scan))
        model = timm.create_model(f"local-dir:{path}", pretrained=True, img_size=112, num_classes=0).eval()
        with torch.no_grad():
            passed = model._pos_embed(model.patch_embed(pixels[None]))
            expected = model.norm(model.blocks[0](passed))[0, 1:]
        torch.testing.assert_close(encoder(pixels[None])[0].flatten(0, 1), expected, atol=1e-6, rtol=0)
        assert not torch.allclose(encoder(pixels[None]), frozen(path)(pixels[None]), atol=1e-2)

    def test_forward__the_last_block_is_the_paper(
        self, make_encoder: EncoderMaker, make_scan: ScanMaker
    ) -> None:
        path = make_encoder()
        pixels = frozen(path).prepare(_frame(make_scan))[None]
        assert torch.equal(frozen(path, layer=1)(pixels), frozen(path)(pixels))

    def test_init__no_such_block(self, make_encoder: EncoderMaker) -> None:
        with pytest.raises(ModMapError, match="layer: expected one of its blocks 0 to 1, found 2"):
            frozen(make_encoder(), layer=2)

    def test_tokens__blocks_are_kept_apart(
        self, make_encoder: EncoderMaker, make_scan: ScanMaker, tmp_path: Path
    ) -> None:
        path, frame, cache = make_encoder(), _frame(make_scan), TokenCache(tmp_path / "cache")
        one, last = (frozen(path, layer=layer).tokens(frame, cache=cache) for layer in (0, None))
        assert not torch.equal(one, last)
        assert torch.equal(frozen(path, layer=0).tokens(frame, cache=cache), one)

    def test_forward__token_sees_its_own_patch_most(self, tiny_encoder: Path) -> None:
        encoder = frozen(tiny_encoder)
        plain = torch.zeros(1, 3, 112, 112)
        changed = plain.clone()
        changed[0, :, 14:28, 70:84] = 1
        moved = (encoder(changed) - encoder(plain)).norm(dim=-1)[0]
        assert divmod(int(moved.argmax()), 8) == (1, 5)

    @pytest.mark.parametrize(("size", "snapped"), [(112, 112), (100, 98), (896, 896), (28, 28)])
    def test_init__snaps_to_whole_patches(self, tiny_encoder: Path, size: int, snapped: int) -> None:
        encoder = frozen(tiny_encoder, size=size)
        assert (encoder.size, encoder.grid) == (snapped, snapped // 14)

    def test_init__same_grid_whatever_the_patch(self, tiny_encoder: Path, make_encoder: EncoderMaker) -> None:
        image = frozen(tiny_encoder)
        depth = frozen(make_encoder(patch=16, in_chans=1), "depth", grid=image.grid)
        assert (image.grid, image.size, image.patch) == (8, 112, 14)
        assert (depth.grid, depth.size, depth.patch) == (8, 128, 16)
        assert depth(torch.zeros(2, 1, 128, 128)).shape == (2, 8, 8, 32)

    def test_init_frozen(self, tiny_encoder: Path) -> None:
        encoder = frozen(tiny_encoder)
        assert not encoder.training
        assert not any(parameter.requires_grad for parameter in encoder.parameters())

    def test_prepare__image(self, tiny_encoder: Path, make_scan: ScanMaker) -> None:
        """Pillow's antialiased bicubic on the padded and normalised image."""
        frame = _frame(make_scan)
        assert frame.shape == (60, 80)
        normal = (frame.image / frame.image.max() - 0.445) / 0.269
        padded = np.pad(normal, ((10, 10), (0, 0)), mode="edge").astype(np.float32)
        expected = np.asarray(Image.fromarray(padded).resize((112, 112), Image.Resampling.BICUBIC))
        np.testing.assert_allclose(frozen(tiny_encoder).prepare(frame)[0].numpy(), expected, atol=2e-3)

    @pytest.mark.parametrize("normalisation", ["reference", "robust"])
    def test_prepare__depth(self, tiny_depth_encoder: Path, make_scan: ScanMaker, normalisation: str) -> None:
        """The nearest pixel, so that no depth is made up between the part and the holes."""
        frame = _frame(make_scan)
        scaled = {"reference": normalise_depth, "robust": normalise_depth_robust}[normalisation](frame.depth)
        padded = np.pad(scaled, ((10, 10), (0, 0)), mode="edge")
        nearest = np.floor((np.arange(112) + 0.5) * 80 / 112).astype(int)
        encoder = frozen(tiny_depth_encoder, "depth", normalisation=normalisation)
        np.testing.assert_array_equal(encoder.prepare(frame)[0].numpy(), padded[np.ix_(nearest, nearest)])

    def test_prepare__depth_as_normals(self, tiny_encoder: Path) -> None:
        """A slanted plane: one normal everywhere, in the camera's axes, whatever the camera's pose."""
        pose = look_at(np.array([120.0, -80.0, 300.0]), np.zeros(3))
        camera = Camera(intrinsics(80, 60, focal=90.0), pose, size=(80, 60))
        normal = np.array([0.2, 0.1, 1.0]) / np.linalg.norm([0.2, 0.1, 1.0])
        depth = plane_depth(camera, 80, 60, normal=normal, offset=0.0)
        frame = Frame("00", np.zeros((60, 80), np.uint8), depth, camera)
        prepared = frozen(tiny_encoder, "depth", normalisation="normals").prepare(frame)
        expected = ((pose[:3, :3] @ normal) / 2 + 0.5 - 0.445) / 0.269
        assert prepared.shape == (3, 112, 112)
        inside = prepared[:, 20:-20, 5:-5].flatten(1)
        np.testing.assert_allclose(inside, np.repeat(expected[:, None], inside.shape[1], axis=1), atol=2e-3)

    def test_prepare__holes_have_no_normal(self, tiny_encoder: Path, make_scan: ScanMaker) -> None:
        frame = _frame(make_scan)
        prepared = frozen(tiny_encoder, "depth", normalisation="normals").prepare(frame)
        assert frame.depth[0, 0] == 0
        np.testing.assert_allclose(prepared[:, 16, 2], (0.5 - 0.445) / 0.269, atol=1e-6)
        with pytest.raises(ModMapError, match="view 00: depth shown as normals: expected a camera"):
            frozen(tiny_encoder, "depth", normalisation="normals").prepare(replace(frame, camera=None))

    def test_prepare__an_image_in_colour(self, tiny_encoder: Path) -> None:
        """Each channel over the largest of all three, resized and normalised as a gray image is."""
        rng = np.random.default_rng(0)
        colour = rng.integers(0, 200, (24, 32, 3), dtype=np.uint8)
        frame = Frame("00", image=colour[..., 0], depth=np.ones((24, 32), np.float32), colour=colour)
        encoder = frozen(tiny_encoder, colour=True)
        prepared = encoder.prepare(frame)
        largest = colour.max()
        for channel in range(3):
            one = (torch.from_numpy(colour[..., channel].astype(np.float32) / largest) - 0.445) / 0.269
            padded = F.pad(one[None, None], (0, 0, 4, 4), mode="replicate")
            expected = F.interpolate(padded, size=(112, 112), mode="bicubic", antialias=True)[0, 0]
            torch.testing.assert_close(prepared[channel], expected, atol=1e-5, rtol=0)
        gray = replace(frame, colour=None)
        torch.testing.assert_close(encoder.prepare(gray), frozen(tiny_encoder).prepare(gray), atol=0, rtol=0)
        assert not torch.equal(frozen(tiny_encoder).prepare(frame), prepared)

    def test_init__colours_need_three_channels(self, tiny_depth_encoder: Path) -> None:
        with pytest.raises(ModMapError, match="expected three input channels to show colours to, found 1"):
            frozen(tiny_depth_encoder, colour=True)

    def test_init__normals_need_three_channels(self, tiny_depth_encoder: Path) -> None:
        with pytest.raises(ModMapError, match="expected three input channels to show normals to, found 1"):
            frozen(tiny_depth_encoder, "depth", normalisation="normals")

    def test_init__normalisation_as_declared(self, make_encoder: EncoderMaker, tiny_encoder: Path) -> None:
        robust = make_encoder(depth_normalisation="robust")
        assert frozen(robust, "depth").normalisation == "robust"
        assert frozen(robust, "depth", normalisation="reference").normalisation == "reference"
        assert frozen(tiny_encoder, "depth").normalisation == "reference"
        assert frozen(make_encoder(depth_normalisation="normals"), "depth").normalisation == "normals"
        with pytest.raises(
            ModMapError, match="depth_normalisation: expected reference, robust, normals, found 'z'"
        ):
            frozen(make_encoder(depth_normalisation="z"), "depth")

    def test_init__no_reference(self) -> None:
        with pytest.raises(ModMapError, match=r"depth_encoder: expected an encoder.*isn't released"):
            FrozenEncoder(EncoderSettings(), "depth", size=112)

    def test_init__a_known_encoder_of_the_hub_is_the_same_to_the_bit(
        self, hub: HubServer, hub_files: Path, make_scan: ScanMaker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As the same files in a directory; once it is in the hub's cache, the hub isn't asked again."""
        local = frozen(hub_files)
        settings = EncoderSettings(reference="tiny")
        first = FrozenEncoder(settings, "image", size=112)
        asked = len(hub.requests)
        cached = FrozenEncoder(settings, "image", size=112)
        assert len(hub.requests) == asked
        use_hub(monkeypatch, "http://127.0.0.1:9")
        frame = _frame(make_scan)
        for encoder in (first, cached, FrozenEncoder(settings, "image", size=112)):
            assert encoder.fingerprint == local.fingerprint
            assert torch.equal(encoder.tokens(frame), local.tokens(frame))

    @pytest.mark.parametrize("which", ["tiny_encoder", "tiny_depth_encoder"])
    def test_save__copy_is_bit_equal(
        self, which: str, request: pytest.FixtureRequest, make_scan: ScanMaker, tmp_path: Path
    ) -> None:
        encoder = frozen(request.getfixturevalue(which), "depth")
        encoder.save(tmp_path / "copy")
        copy = frozen(tmp_path / "copy", "depth", size=112)
        assert copy.fingerprint == encoder.fingerprint
        assert copy.normalisation == encoder.normalisation
        frame = _frame(make_scan)
        assert torch.equal(copy(copy.prepare(frame)[None]), encoder(encoder.prepare(frame)[None]))

    def test_save__copy_of_a_known_encoder_keeps_its_licence(self, hub: HubServer, tmp_path: Path) -> None:
        encoder = FrozenEncoder(EncoderSettings(reference="tiny"), "image", size=112)
        encoder.save(tmp_path / "copy")
        config = json.loads((tmp_path / "copy" / "config.json").read_text())
        assert (config["licence"], config["source"]) == ("Apache-2.0", "copy of tiny")
        assert frozen(tmp_path / "copy").fingerprint == encoder.fingerprint

    @pytest.mark.network
    def test_save__copy_of_dinov2(self, dinov2_vits14: Path, make_scan: ScanMaker, tmp_path: Path) -> None:
        encoder = frozen(dinov2_vits14, size=224)
        encoder.save(tmp_path / "copy")
        copy = frozen(tmp_path / "copy", size=224)
        assert copy.fingerprint == encoder.fingerprint
        pixels = encoder.prepare(_frame(make_scan))[None]
        assert torch.equal(copy(pixels), encoder(pixels))
        original = json.loads((dinov2_vits14 / "config.json").read_text())
        assert json.loads((tmp_path / "copy" / "config.json").read_text())["licence"] == original["licence"]


class TestModMap:
    def test_from_pretrained__an_encoder_that_was_in_the_store_and_is_in_the_hubs_cache(
        self,
        hub: HubServer,
        hub_files: Path,
        own_store: Path,
        tiny_depth_encoder: Path,
        make_scan: ScanMaker,
        tmp_path: Path,
    ) -> None:
        shutil.copytree(hub_files, own_store / "tiny")
        training = {"epochs": 2, "pairs_per_batch": 4, "tokens_per_batch": 200}
        model = ModMap(
            "fast",
            device="cpu",
            image_encoder="tiny",
            depth_encoder=f"local-dir:{tiny_depth_encoder}",
            settings={"size": 112, "training": training},
        ).fit(make_scan())
        model.save_pretrained(tmp_path / "model")
        expected = model.predict(make_scan(change=("00",)))
        assert hub.requests == []
        shutil.rmtree(own_store)
        again = ModMap.from_pretrained(tmp_path / "model", device="cpu")
        assert again.config.image_encoder.reference == "tiny"
        assert again.fingerprint == model.fingerprint
        found = again.predict(make_scan(change=("00",)))
        assert hub.requests != []
        np.testing.assert_array_equal(found.map("00"), expected.map("00"))


@pytest.mark.shared
@pytest.mark.network
def test_tokens__first_principal_component_tells_the_part_from_the_background(dinov2_vits14: Path) -> None:
    encoder = frozen(dinov2_vits14, size=448)
    tokens, parts = [], []
    for frame in sokrates_scan().frames():
        tokens.append(encoder(encoder.prepare(frame)[None])[0].flatten(0, 1).double().numpy())
        parts.append(Square(*frame.shape, grid=32).tokens_touched(foreground_mask(frame.depth)[0]).ravel())
    every = np.concatenate(tokens)
    component = np.linalg.svd(every - every.mean(axis=0), full_matrices=False)[2][0]
    scores = [(view - every.mean(axis=0)) @ component for view in tokens]
    areas = np.array([roc_auc_score(part, score) for part, score in zip(parts, scores, strict=True)])
    areas = areas if areas.mean() > 0.5 else 1 - areas
    assert areas.min() > 0.95  # 0.984 to 0.999 measured
