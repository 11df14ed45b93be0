"""A scan's tokens: each view once, and what isn't the part left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from modmap.encoding.scan_tokens import encode_scan
from modmap.encoding.square import Square
from modmap.errors import ModMapError
from modmap.foreground import foreground_mask
from modmap.scan import Scan
from tests.modmap.frozen_encoders import frozen

Array = npt.NDArray[Any]
ScanMaker = Callable[..., Scan]
EncoderMaker = Callable[..., Path]


class TestEncodeScan:
    def test_encode_scan__each_view_once(
        self, tiny_encoder: Path, tiny_depth_encoder: Path, make_scan: ScanMaker
    ) -> None:
        scan = make_scan(views=3)
        image, depth = frozen(tiny_encoder), frozen(tiny_depth_encoder, "depth", grid=8)
        calls: list[str] = []
        image.register_forward_pre_hook(lambda *_: calls.append("image"))
        depth.register_forward_pre_hook(lambda *_: calls.append("depth"))
        told: list[str] = []
        tokens = encode_scan(scan, image, depth, on_view=told.append)
        assert calls == ["image", "depth"] * 3
        assert told == list(tokens.view_ids) == ["00", "01", "02"]
        assert tokens.image.shape == (3, 64, 32)
        assert tokens.depth.shape == (3, 64, 24)
        for i, frame in enumerate(scan.frames()):
            mask = foreground_mask(frame.depth)[0]
            np.testing.assert_array_equal(tokens.mask(i), mask)
            touched = Square(60, 80, 8).tokens_touched(mask).ravel()
            np.testing.assert_array_equal(tokens.foreground[i].numpy(), touched)
            np.testing.assert_array_equal(tokens.touched[i], touched)
            assert torch.equal(tokens.image[i], image(image.prepare(frame)[None])[0].flatten(0, 1))
            assert torch.equal(tokens.depth[i], depth(depth.prepare(frame)[None])[0].flatten(0, 1))
        assert not tokens.image.is_inference()

    def test_encode_scan__view_of_holes(
        self, tiny_encoder: Path, tiny_depth_encoder: Path, make_scan: ScanMaker
    ) -> None:
        scan = make_scan(views=3)
        empty = replace(scan.views[1], depth=np.zeros((60, 80), np.float32))
        holed = replace(scan, views=(scan.views[0], empty, scan.views[2]))
        both = frozen(tiny_encoder), frozen(tiny_depth_encoder, "depth", grid=8)
        tokens = encode_scan(holed, *both)
        assert tokens.view_ids == ("00", "02")
        assert tokens.notes == ("view 01: left out: no pixel of its depth map was measured",)
        with pytest.raises(
            ModMapError, match="scan ball: expected measured depth, found only holes in all 1"
        ):
            encode_scan(replace(scan, views=(empty,)), *both)
