"""The plane of the border against planes in closed form, and against what modmap takes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dino_depth.data.sources.background_plane import without_background_plane
from dino_depth.data.sources.mvtec_3d_ad import mvtec_3d_ad
from modmap.datasets import background_plane as modmaps
from modmap.datasets.single_view import VIEW, MVTec3D
from tests.real_scans import sensor_data

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


class TestWithoutBackgroundPlane:
    @settings(max_examples=25, deadline=None)
    @given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.integers(0, 1000))
    def test_leaves_the_part(self, slope_x: float, slope_y: float, seed: int) -> None:
        depth, box = _scene(slope_x, slope_y)
        holes = np.random.default_rng(seed).random(depth.shape) < 0.1
        depth[holes] = 0
        found = without_background_plane(depth)
        np.testing.assert_array_equal(found, np.where(box, depth, 0))

    def test_clutter_on_the_border(self) -> None:
        depth, box = _scene(0.2, -0.1)
        clutter = np.zeros_like(box)
        clutter[:, :3] = True
        depth[clutter] = np.random.default_rng(0).uniform(100, 300, int(clutter.sum()))
        np.testing.assert_array_equal(without_background_plane(depth), np.where(box | clutter, depth, 0))

    def test_no_plane__as_it_was(self) -> None:
        depth = np.random.default_rng(0).uniform(100, 300, (HEIGHT, WIDTH)).astype(np.float32)
        np.testing.assert_array_equal(without_background_plane(depth), depth)

    def test_empty_border__as_it_was(self) -> None:
        depth, box = _scene(0, 0)
        depth[~box] = 0
        np.testing.assert_array_equal(without_background_plane(depth), depth)

    @pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 1)])
    def test_narrow_maps(self, shape: tuple[int, int]) -> None:
        depth = np.full(shape, 7, np.float32)
        assert without_background_plane(depth).shape == shape


class TestAsModmap:
    """An encoder is trained on what it is used on: to the last bit."""

    @settings(max_examples=60, deadline=None)
    @given(
        seed=st.integers(0, 10_000),
        shape=st.tuples(st.integers(1, 70), st.integers(1, 70)),
        noise=st.sampled_from([0.0, 1e-3, 4e-3, 2e-2]),
        holes=st.sampled_from([0.0, 0.3, 0.97]),
        clutter=st.sampled_from([0.0, 0.3, 0.7]),
        tolerance=st.sampled_from([None, 1e-3, 2e-2]),
    )
    def test_random_maps(
        self,
        seed: int,
        shape: tuple[int, int],
        noise: float,
        holes: float,
        clutter: float,
        tolerance: float | None,
    ) -> None:
        rng = np.random.default_rng(seed)
        v, u = np.mgrid[0 : shape[0], 0 : shape[1]]
        slope_x, slope_y = rng.uniform(-0.4, 0.4, 2)
        plane = 500 / (1 - slope_x * u / shape[1] - slope_y * v / shape[0])
        depth = plane * (1 + rng.normal(0, noise, shape))
        depth[shape[0] // 3 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] *= 0.9
        depth = np.where(rng.random(shape) < clutter, rng.uniform(100, 900, shape), depth)
        depth = np.where(rng.random(shape) < holes, 0, depth).astype(np.float32)
        options = {} if tolerance is None else {"tolerance": tolerance}
        found = without_background_plane(depth, **options)
        expected = modmaps.without_background_plane(depth, **options)
        assert found.dtype == expected.dtype == np.float32
        np.testing.assert_array_equal(found, expected)
        assert (found is depth) == (expected is depth)

    @pytest.mark.shared
    def test_real_parts(self) -> None:
        root = sensor_data("mvtec3d_ad")
        scans = MVTec3D(root).train("cable_gland")
        whole, cut = (mvtec_3d_ad(root, keep_plane=keep) for keep in (True, False))
        for scan, item in list(zip(scans, cut.items, strict=True))[::6]:
            assert scan.name == f"good_{item.path.stem}"
            depth, part = whole.read(item), cut.read(item)
            assert 0 < np.count_nonzero(part) < np.count_nonzero(depth)
            np.testing.assert_array_equal(part, modmaps.without_background_plane(depth))
            np.testing.assert_array_equal(part, scan[VIEW].load().depth)
