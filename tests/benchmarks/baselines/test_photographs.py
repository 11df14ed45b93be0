"""Photographs: each comes once before any comes again, at one size, and what is no photograph is told by its name."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.baselines.photographs import Photographs
from modmap.errors import ModMapError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three of one gray level each, of sizes of their own, one in a folder and one with an upper-case ending."""
    for name, level, size in (
        ("a.png", 0, (30, 20)),
        ("deep/b.JPG", 100, (64, 64)),
        ("c.jpeg", 200, (9, 90)),
    ):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        Image.new("RGB", size, (level, level, level)).save(file)
    (tmp_path / "notes.txt").touch()
    return tmp_path


class TestPhotographs:
    def test_iter__each_once_before_any_comes_again(self, folder: Path) -> None:
        found = list(islice(Photographs(folder, size=16), 9))
        assert {one.shape for one in found} == {(1, 3, 16, 16)}
        levels = np.array([255 * float(one.mean()) for one in found]).round().reshape(3, 3)
        np.testing.assert_allclose(np.sort(levels, axis=1), [[0, 100, 200]] * 3, atol=1)

    def test_iter__the_order_is_of_torchs_seed(self, folder: Path) -> None:
        def drawn(seed: int) -> list[float]:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                return [float(one.mean()) for one in islice(Photographs(folder, size=16), 6)]

        assert drawn(0) == drawn(0)
        assert len({tuple(drawn(seed)) for seed in range(8)}) > 1

    def test_init__an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match=r"expected photographs \(\.jpg, \.jpeg, \.png\), found none"):
            Photographs(tmp_path, size=16)

    def test_iter__a_damaged_one(self, tmp_path: Path) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "a.png")
        for content in ((tmp_path / "a.png").read_bytes()[:200], b"text"):
            (tmp_path / "a.png").write_bytes(content)
            with pytest.raises(
                ModMapError, match=r"a\.png: expected a photograph, found a damaged one \(.+\)"
            ):
                next(iter(Photographs(tmp_path, size=16)))
