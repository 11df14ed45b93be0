"""The lattice of voxels: which one a point is in, and where a view sees it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modmap.errors import ModMapError
from modmap.scan import Camera, Frame, Scan, View
from modmap.volume import VolumeBuilder, VoxelGrid, extent
from tests.modmap.random_frames import random_frame, world_point
from tests.synthetic_scans import ball_scan, intrinsics

Array = npt.NDArray[Any]

FEW = settings(max_examples=15, deadline=None)
SEEDS = st.integers(0, 2**31)


class TestVoxelGrid:
    def test_around__holds_every_pixel_on_the_lattice(self) -> None:
        scan = ball_scan()
        grid = VoxelGrid.around([scan, scan], 3.0, margin=5.0, foreground="valid")
        np.testing.assert_array_equal(grid.origin % 3, 0)
        points = np.concatenate([f.points(f.depth > 0) for f in scan.frames()])
        upper = grid.origin + 3 * np.array(grid.shape)
        assert (points.min(axis=0) - grid.origin >= 5).all()
        assert (points.min(axis=0) - grid.origin < 8).all()
        assert (upper - points.max(axis=0) >= 5).all()
        assert (upper - points.max(axis=0) <= 8).all()

    def test_around__background_is_left_out(self) -> None:
        scan = ball_scan(views=1)
        stray = np.array(scan.views[0].depth)
        stray[0, 0] = 900
        strayed = replace(scan, views=[replace(scan.views[0], depth=stray)])
        assert VoxelGrid.around([strayed]).shape == VoxelGrid.around([scan]).shape
        assert VoxelGrid.around([strayed], foreground="valid").shape > VoxelGrid.around([scan]).shape

    def test_around__no_camera(self) -> None:
        view = View("a", np.zeros((4, 4), np.uint8), np.ones((4, 4)), camera_looked_for="no pose.txt")
        with pytest.raises(ModMapError, match=r"view a has none \(no pose\.txt\)"):
            VoxelGrid.around([Scan("s", [view])])

    def test_around__nothing_measured(self) -> None:
        scan = ball_scan(views=1)
        empty = replace(scan, views=[replace(scan.views[0], depth=np.zeros((48, 64)))])
        with pytest.raises(ModMapError, match="expected measured depth in ball, found none"):
            VoxelGrid.around([empty])

    @pytest.mark.parametrize(
        ("origin", "voxel", "shape"),
        [
            ((0, 0, 0), 2, (10_000, 10_000, 11)),
            ((0, 0, 0), 2, (0, 1, 1)),
            ((0, 0, 0), 0, (1, 1, 1)),
            ((0, np.nan, 0), 1, (1, 1, 1)),
            ((0, 0), 1, (1, 1, 1)),
        ],
    )
    def test_init__unusable(self, origin: Any, voxel: float, shape: Any) -> None:
        with pytest.raises(ModMapError, match=r"^voxel grid: expected"):
            VoxelGrid(np.array(origin, dtype=float), voxel, shape)

    def test_spanning__too_large(self) -> None:
        with pytest.raises(ModMapError, match=r"stray depth far from the part, or too small a voxel"):
            VoxelGrid.spanning(np.array([[0.0, 0, 0], [1e5, 1e5, 1e5]]))

    def test_add__a_stray_point_does_not_eat_the_memory(self) -> None:
        builder = VolumeBuilder(VoxelGrid(np.zeros(3), 2.0, (10, 10, 10)), grow=True)
        with pytest.raises(ModMapError, match="stray depth"):
            builder.add(np.array([[1e6, 1e6, 1e6]]), np.ones(1))

    @FEW
    @given(seed=SEEDS)
    def test_index__centres_and_back(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        grid = VoxelGrid(random.normal(size=3) * 100, random.uniform(0.1, 9), (5, 6, 7))
        index = random.integers(-3, 9, (20, 3))
        found, inside = grid.index(grid.centres(index))
        np.testing.assert_array_equal(found, index)
        np.testing.assert_array_equal(
            inside, [all(0 <= k < n for k, n in zip(i, grid.shape, strict=True)) for i in index]
        )

    @pytest.mark.parametrize("voxel", [2.0, 0.1, 0.7])
    def test_index__borders_alike_in_every_grid_of_a_lattice(self, voxel: float) -> None:
        border = np.arange(-50, 50) * voxel
        x = np.concatenate([border, np.nextafter(border, -np.inf), np.nextafter(border, np.inf)])
        points = np.stack([x, 0 * x, 0 * x], axis=1)
        voxels = [
            VoxelGrid(first * voxel * np.ones(3), voxel, (1, 1, 1)).index(points)[0][:, 0] + first
            for first in (0, -32, 7, 12345)
        ]
        for other in voxels[1:]:
            np.testing.assert_array_equal(other, voxels[0])

    @FEW
    @given(seed=SEEDS)
    def test_grown_to__same_lattice(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        grid = VoxelGrid(random.normal(size=3) * 9, 0.7, (2, 3, 4))
        index = random.integers(-5, 9, (3, 3))
        grown, shift = grid.grown_to(index)
        np.testing.assert_allclose(grown.centres(index + shift), grid.centres(index), atol=1e-9)
        assert grown.index(grid.centres(index))[1].all()
        assert grown.index(grid.centres(np.array([[0, 0, 0], [1, 2, 3]])))[1].all()

    def test_pixels__round_trip(self) -> None:
        scan = ball_scan(views=3)
        grid = VoxelGrid.around([scan], 2.0, foreground="valid")
        for frame in scan.frames():
            assert frame.camera is not None
            mask = frame.depth > 0
            index, inside = grid.index(frame.points(mask))
            assert inside.all()
            uv, visible = grid.pixels(index, frame)
            pixel = np.argwhere(mask)[:, ::-1]
            # A voxel's half diagonal, seen by this camera: fx * r / z, and a bit for the angle off the axis.
            reach = frame.camera.K[0, 0] * 2 * math.sqrt(3) / 2 / (frame.depth[mask] - 2) * 1.3
            assert (np.linalg.norm(uv - pixel, axis=1) <= reach).all()
            assert visible.mean() > 0.7

    def test_pixels__hidden_behind_and_outside(self) -> None:
        camera = Camera(intrinsics(21, 15, focal=50), np.eye(4))
        frame = Frame("a", np.zeros((15, 21), np.uint8), np.full((15, 21), 50, np.float32), camera)
        grid = VoxelGrid(np.array([-1.0, -1, -101]), 2.0, (200, 1, 200))
        cells = {"seen": (0, 0, 75), "hidden": (0, 0, 90), "before": (0, 0, 65), "behind": (0, 0, 10)}
        cells["outside"] = (150, 0, 75)
        uv, visible = grid.pixels(np.array(list(cells.values())), frame)
        assert dict(zip(cells, visible.tolist(), strict=True)) == {name: name == "seen" for name in cells}
        np.testing.assert_allclose(uv[0], [10, 7])
        assert np.isnan(uv[3]).all()
        with pytest.raises(ModMapError, match="view a: no camera"):
            grid.pixels(np.zeros((1, 3), int), replace(frame, camera=None))

    def test_extent__corners(self) -> None:
        frame = random_frame(np.random.default_rng(4))
        points = np.array([world_point(frame, r, c) for r, c in np.argwhere(frame.depth > 0).tolist()])
        found = extent(frame, frame.depth > 0)
        np.testing.assert_allclose(found, [points.min(axis=0), points.max(axis=0)], atol=1e-9)
