"""Smaller depth maps: nearest pixels only."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dino_depth.data.sources.shrink import shrink, shrunk_size

SIDES = st.integers(1, 60)


class TestShrink:
    @settings(max_examples=200, deadline=None)
    @given(SIDES, SIDES, st.integers(0, 60))
    def test_nearest(self, height: int, width: int, longest_side: int) -> None:
        depth = np.random.default_rng(0).random((height, width)).astype(np.float32)
        small = shrink(depth, longest_side)
        size = shrunk_size(height, width, longest_side)
        assert small.shape == size
        # torch's "nearest-exact" takes the pixel under the middle too, save for its rounding at exact halves.
        rows, columns = (
            [int((number + 0.5) * large / little + 1e-9) for number in range(little)]
            for little, large in zip(size, depth.shape, strict=True)
        )
        np.testing.assert_array_equal(small, depth[rows][:, columns])

    def test_against_torch(self) -> None:
        depth = np.random.default_rng(0).random((800, 601)).astype(np.float32)
        expected = torch.nn.functional.interpolate(
            torch.from_numpy(depth)[None, None], shrunk_size(800, 601, 518), mode="nearest-exact"
        )
        np.testing.assert_array_equal(shrink(depth, 518), expected[0, 0].numpy())

    def test_size__ratio_kept(self) -> None:
        assert shrunk_size(800, 800, 518) == (518, 518)
        assert shrunk_size(1200, 1600, 400) == (300, 400)
        assert shrunk_size(300, 400, 518) == (300, 400)
        assert shrunk_size(3000, 4000, 0) == (3000, 4000)
        assert shrunk_size(1, 4000, 10) == (1, 10)
