"""The plane of the border, against planes in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dino_depth.data.sources.background_plane import remove_background_plane

HEIGHT, WIDTH, FOCAL = 48, 64, 70.0


def _scene(slope_x: float, slope_y: float) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Depth of a tilted plane with a box on it, 30 mm high, and the box's mask."""
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH]
    x, y = (u - WIDTH / 2) / FOCAL, (v - HEIGHT / 2) / FOCAL
    # Points (x z, y z, z) with z = 500 + slope_x X + slope_y Y.
    depth = 500 / (1 - slope_x * x - slope_y * y)
    box = np.zeros(depth.shape, bool)
    box[15:30, 20:45] = True
    return np.where(box, depth - 30, depth).astype(np.float32), box


class TestRemoveBackgroundPlane:
    @settings(max_examples=25, deadline=None)
    @given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.integers(0, 1000))
    def test_leaves_the_part(self, slope_x: float, slope_y: float, seed: int) -> None:
        depth, box = _scene(slope_x, slope_y)
        holes = np.random.default_rng(seed).random(depth.shape) < 0.1
        depth[holes] = 0
        found = remove_background_plane(depth)
        np.testing.assert_array_equal(found, np.where(box, depth, 0))

    def test_clutter_on_the_border(self) -> None:
        depth, box = _scene(0.2, -0.1)
        clutter = np.zeros_like(box)
        clutter[:, :3] = True
        depth[clutter] = np.random.default_rng(0).uniform(100, 300, int(clutter.sum()))
        np.testing.assert_array_equal(remove_background_plane(depth), np.where(box | clutter, depth, 0))

    def test_no_plane__as_it_was(self) -> None:
        depth = np.random.default_rng(0).uniform(100, 300, (HEIGHT, WIDTH)).astype(np.float32)
        np.testing.assert_array_equal(remove_background_plane(depth), depth)

    def test_empty_border__as_it_was(self) -> None:
        depth, box = _scene(0, 0)
        depth[~box] = 0
        np.testing.assert_array_equal(remove_background_plane(depth), depth)

    @pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 1)])
    def test_narrow_maps(self, shape: tuple[int, int]) -> None:
        depth = np.full(shape, 7, np.float32)
        assert remove_background_plane(depth).shape == shape
