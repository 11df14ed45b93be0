"""Boxes and areas of solids and surfaces whose sizes are known in closed form."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.transform import Rotation

from modmap.defects.defect import OrientedBox
from modmap.defects.geometry import oriented_box, surface_area, surface_normals

Array = npt.NDArray[Any]

TURNS = [np.eye(3), *Rotation.random(3, random_state=1).as_matrix()]


def _lattice(reach: float, voxel: float) -> Array:
    side = (np.arange(-math.ceil(reach / voxel), math.ceil(reach / voxel)) + 0.5) * voxel
    return np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)


def _solid_box(size: Array, turn: Array, voxel: float) -> Array:
    """Centres of the voxels whose centre lies in a turned box around the origin."""
    points = _lattice(float(np.linalg.norm(size)), voxel)
    return np.asarray(points[(np.abs(points @ turn) <= size / 2).all(axis=1)])


def _touched(points: Array, voxel: float) -> Array:
    """Centres of the voxels that hold a point of a densely sampled surface."""
    index = np.floor(points / voxel).astype(np.int64) + 500
    keys = np.unique(np.ravel_multi_index(tuple(index.T), (1000, 1000, 1000)))
    return np.asarray((np.stack(np.unravel_index(keys, (1000, 1000, 1000)), axis=1) - 499.5) * voxel)


def _area(surface: Array, voxel: float) -> float:
    return surface_area(surface_normals(surface, surface, voxel), voxel)


class TestOrientedBox:
    def test_box__square_to_the_axes_is_exact(self) -> None:
        x, y, z = np.meshgrid(np.arange(10), np.arange(6), np.arange(3), indexing="ij")
        points = np.stack([x, y, z], axis=-1).reshape(-1, 3) * 2.0 + 1
        box = oriented_box(points, 2.0)
        np.testing.assert_allclose(box.size_mm, (20, 12, 6), atol=1e-4)
        np.testing.assert_allclose(box.centre_mm, (10, 6, 3), atol=1e-4)

    @pytest.mark.parametrize("turn", TURNS)
    def test_box__turned(self, turn: Array) -> None:
        size, voxel = np.array([30.0, 16.0, 7.0]), 1.0
        box = oriented_box(_solid_box(size, turn, voxel) + 5, voxel)
        np.testing.assert_allclose(box.size_mm, size, atol=1.3 * voxel)
        np.testing.assert_allclose(box.centre_mm, (5, 5, 5), atol=0.5 * voxel)
        for axis, edge in zip(np.array(box.axes), turn.T, strict=True):
            assert abs(axis @ edge) > math.cos(math.radians(6))

    def test_box__axes_are_a_right_handed_frame(self) -> None:
        axes = np.array(oriented_box(_solid_box(np.array([9.0, 6, 3]), TURNS[2], 1.0), 1.0).axes)
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-6)
        assert np.linalg.det(axes) == pytest.approx(1)

    def test_box__cube_has_no_favourite_axis(self) -> None:
        box = oriented_box(_solid_box(np.array([12.0, 12, 12]), np.eye(3), 1.0), 1.0)
        np.testing.assert_allclose(box.size_mm, (12, 12, 12), atol=1e-3)

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_box__a_few_voxels(self, count: int) -> None:
        box = oriented_box(np.array([[0.0, 0, 0], [2, 0, 0], [4, 0, 0]])[:count], 2.0)
        np.testing.assert_allclose(box.size_mm, (2 * count, 2, 2), atol=1e-5)

    def test_box__memory_grows_with_the_voxels_not_with_their_square(self) -> None:
        turn = TURNS[1]
        side = (np.arange(-50, 50) + 0.5, np.arange(-30, 30) + 0.5, np.array([0.0]))
        points = np.stack(np.meshgrid(*side, indexing="ij"), axis=-1).reshape(-1, 3) @ turn.T
        tracemalloc.start()
        try:
            box = oriented_box(points, 1.0)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 1000 * len(points)  # the square would take 48,000 bytes a voxel
        np.testing.assert_allclose(box.size_mm, (100, 60, 1), atol=0.1)

    def test_corners__the_box_whole(self) -> None:
        box = OrientedBox(centre_mm=(1, 2, 3), size_mm=(4, 2, 2), axes=((0, 1, 0), (-1, 0, 0), (0, 0, 1)))
        found = np.array(box.corners())
        np.testing.assert_allclose(found.min(axis=0), (0, 0, 2))
        np.testing.assert_allclose(found.max(axis=0), (2, 4, 4))
        assert len(np.unique(found, axis=0)) == 8


class TestSurfaceArea:
    @pytest.mark.parametrize("turn", TURNS)
    def test_area__plane_patch(self, turn: Array) -> None:
        u, v = np.meshgrid(np.linspace(-20, 20, 1000), np.linspace(-15, 15, 750))
        flat = np.stack([u, v, np.full_like(u, 0.3)], axis=-1).reshape(-1, 3)
        # The voxels over the patch's edge count whole, half of them too much.
        edge = (40 + 30) * 2 * 0.5
        assert _area(_touched(flat @ turn.T, 1.0), 1.0) == pytest.approx(1200, abs=1.3 * edge)
        assert _area(_touched(flat @ turn.T, 0.5), 0.5) == pytest.approx(1200, abs=1.3 * edge / 2)

    def test_area__sphere(self) -> None:
        # A spiral of evenly spread points.
        turn = np.arange(400_000) + 0.5
        height = 1 - 2 * turn / len(turn)
        angle = turn * math.pi * (3 - math.sqrt(5))
        ring = np.sqrt(1 - height**2)
        sphere = 20 * np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)
        surface = _touched(sphere, 1.0)
        assert _area(surface, 1.0) == pytest.approx(4 * math.pi * 400, rel=0.03)
        box = oriented_box(surface, 1.0)
        np.testing.assert_allclose(box.size_mm, (40, 40, 40), atol=1.5)
        np.testing.assert_allclose(box.centre_mm, (0, 0, 0), atol=0.5)
        normals = surface_normals(surface, surface, 1.0)
        outward = surface / np.linalg.norm(surface, axis=1, keepdims=True)
        assert np.abs((normals * outward).sum(axis=1)).min() > math.cos(math.radians(15))

    def test_area__lone_voxels_are_faces(self) -> None:
        lone = np.array([[0.0, 0, 0], [50, 0, 0]])
        assert _area(lone, 2.0) == 8
