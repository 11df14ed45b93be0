"""The volume against a dictionary of voxels, closed forms and properties (Sec. 3.2.4)."""

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
from modmap.joining import aggregate
from modmap.scan import Camera, Frame
from modmap.volume import AnomalyVolume, VolumeBuilder, VoxelGrid
from tests.modmap.random_frames import random_frame, world_point
from tests.synthetic_scans import ball_scan, intrinsics, look_at, plane_depth

Array = npt.NDArray[Any]

FEW = settings(max_examples=15, deadline=None)
SEEDS = st.integers(0, 2**31)


def _slow_volume(frames: list[Frame], maps: list[Array], grid: VoxelGrid) -> dict[tuple[int, ...], float]:
    best: dict[tuple[int, ...], float] = {}
    for frame, scores in zip(frames, maps, strict=True):
        for row, column in np.argwhere(frame.depth > 0).tolist():
            point = world_point(frame, row, column)
            key = tuple(
                math.floor((p - o) / grid.voxel) for p, o in zip(point, grid.origin.tolist(), strict=True)
            )
            best[key] = max(best.get(key, -math.inf), float(scores[row, column]))
    return best


def _built(frames: list[Frame], maps: list[Array], grid: VoxelGrid, *, grow: bool) -> VolumeBuilder:
    builder = VolumeBuilder(grid, grow=grow)
    for frame, scores in zip(frames, maps, strict=True):
        mask = frame.depth > 0
        builder.add(frame.points(mask), scores[mask])
    return builder


def _as_dictionary(volume: AnomalyVolume, origin: Array) -> dict[tuple[int, ...], float]:
    """Observed voxels, counted from another grid's origin on the same lattice."""
    shift = np.rint((volume.grid.origin - origin) / volume.grid.voxel).astype(int)
    return {
        tuple((at + shift).tolist()): float(volume.scores[tuple(at)]) for at in np.argwhere(volume.observed)
    }


class TestVolumeBuilder:
    @FEW
    @given(seed=SEEDS, voxel=st.sampled_from([1.0, 3.0, 8.0]))
    def test_add__slow_loop(self, seed: int, voxel: float) -> None:
        random = np.random.default_rng(seed)
        frames = [random_frame(random) for _ in range(3)]
        maps = [random.uniform(0, 2, frame.shape).astype(np.float32) for frame in frames]
        grid = VoxelGrid(random.uniform(-9, 9, 3), voxel, (6, 5, 4))
        expected = _slow_volume(frames, maps, grid)
        inside = {
            key: value
            for key, value in expected.items()
            if all(0 <= k < n for k, n in zip(key, grid.shape, strict=True))
        }
        grown = _built(frames, maps, grid, grow=True).build()
        assert _as_dictionary(grown, grid.origin) == pytest.approx(expected, abs=1e-6)
        assert grown.score == pytest.approx(max(expected.values()), abs=1e-6)
        fixed = _built(frames, maps, grid, grow=False)
        points = [
            world_point(frame, row, column)
            for frame in frames
            for row, column in np.argwhere(frame.depth > 0).tolist()
        ]
        upper = grid.origin + grid.voxel * np.array(grid.shape)
        outside = [not all(o <= p < u for p, o, u in zip(x, grid.origin, upper, strict=True)) for x in points]
        assert fixed.outside == sum(outside)
        if inside:
            assert fixed.build().grid.shape == grid.shape
            assert _as_dictionary(fixed.build(), grid.origin) == pytest.approx(inside, abs=1e-6)
        else:
            with pytest.raises(ModMapError, match=f"found none \\({len(points)} outside it\\)"):
                fixed.build()

    @FEW
    @given(seed=SEEDS)
    def test_add__both_maps_separately_is_their_maximum(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        frames = [random_frame(random) for _ in range(2)]
        image = [random.random(frame.shape).astype(np.float32) for frame in frames]
        depth = [random.random(frame.shape).astype(np.float32) for frame in frames]
        grid = VoxelGrid(np.zeros(3), 8.0, (2, 2, 2))
        separately = _built([*frames, *frames], [*image, *depth], grid, grow=True).build()
        joined = [aggregate(a, b, "max") for a, b in zip(image, depth, strict=True)]
        together = _built(frames, joined, grid, grow=True).build()
        np.testing.assert_array_equal(separately.scores, together.scores)

    def test_add__grows_on_the_lattice_and_loses_nothing(self) -> None:
        builder = VolumeBuilder(VoxelGrid(np.array([1.0, 2, 3]), 2.0, (2, 2, 2)), grow=True)
        builder.add(np.array([[2.0, 3, 4]]), np.array([0.5]))
        builder.add(np.array([[-6.5, 3, 4], [2, 13, 4]]), np.array([0.25, 0.75]))
        volume = builder.build()
        np.testing.assert_array_equal(volume.grid.origin, [-7, 2, 3])
        assert volume.grid.shape == (6, 6, 2)
        points = np.array([[2.0, 3, 4], [-6.5, 3, 4], [2, 13, 4], [4, 3, 4]])
        np.testing.assert_array_equal(volume.at(points), np.array([0.5, 0.25, 0.75, np.nan], np.float32))
        assert np.count_nonzero(volume.observed) == 3
        assert builder.outside == 0

    def test_build__never_seen_is_not_zero(self) -> None:
        builder = VolumeBuilder(VoxelGrid(np.zeros(3), 1.0, (1, 1, 2)))
        builder.add(np.array([[0.5, 0.5, 0.5]]), np.array([0.0]))
        volume = builder.build()
        np.testing.assert_array_equal(volume.scores, np.array([[[0, np.nan]]], np.float32))
        np.testing.assert_array_equal(volume.observed, [[[True, False]]])
        assert volume.score == 0
        assert volume.scores.dtype == np.float32

    def test_add__borders_belong_to_the_upper_voxel(self) -> None:
        builder = VolumeBuilder(VoxelGrid(np.array([-2.0, 0, 0]), 2.0, (2, 1, 1)))
        builder.add(np.array([[-2.0, 0, 0], [0, 0, 0], [2, 0, 0], [0, 2, 0]]), np.arange(1.0, 5))
        assert builder.build().scores.ravel().tolist() == [1, 2]
        assert builder.outside == 2

    def test_back_project__no_camera(self) -> None:
        frame = replace(random_frame(np.random.default_rng(0)), camera=None)
        with pytest.raises(ModMapError, match="view a: a volume needs a camera"):
            frame.points(frame.depth > 0)


class TestClosedForms:
    def test_add__plane(self) -> None:
        """A camera 100 mm above z = 0: pixel (u, v) sees x = 2 (u - 10), y = -2 (v - 7), which is voxel (u, 14 - v)."""
        camera = Camera(
            intrinsics(21, 15, focal=50), look_at(np.array([0, 0, 100.0]), np.zeros(3), up=(0, 1, 0))
        )
        depth = plane_depth(camera, 21, 15, normal=np.array([0, 0, 1.0]), offset=0)
        np.testing.assert_allclose(depth, 100, atol=1e-4)
        frame = Frame("a", image=np.zeros((15, 21), np.uint8), depth=depth, camera=camera)
        scores = np.arange(15 * 21, dtype=np.float32).reshape(15, 21)
        grid = VoxelGrid(np.array([-21.0, -15, -1]), 2.0, (21, 15, 1))
        builder = VolumeBuilder(grid)
        builder.add(frame.points(depth > 0), scores.ravel())
        np.testing.assert_array_equal(builder.build().scores[:, :, 0], scores.T[:, ::-1])
        assert builder.outside == 0

    def test_add__sphere(self) -> None:
        """Each observed voxel of a ball of 60 mm is within a half diagonal of the surface; the equator is observed."""
        scan, voxel = ball_scan(), 4.0
        grid = VoxelGrid.around([scan], voxel, foreground="valid")
        builder = VolumeBuilder(grid)
        for frame in scan.frames():
            mask = frame.depth > 0
            builder.add(frame.points(mask), np.ones(np.count_nonzero(mask)))
        assert builder.outside == 0
        volume = builder.build()
        off = np.abs(np.linalg.norm(grid.centres(np.argwhere(volume.observed)), axis=1) - 60)
        assert off.max() <= voxel * math.sqrt(3) / 2 + 1e-3
        angle = np.radians(np.arange(0, 360, 15))
        equator = 60 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
        near = volume.at(
            (equator[:, None] + voxel * np.mgrid[-1:2, -1:2, -1:2].reshape(3, -1).T).reshape(-1, 3)
        )
        assert np.nanmax(near.reshape(len(angle), -1), axis=1).min() == 1
        # The cameras are above the equator: none sees the lower pole.
        assert np.isnan(volume.at(np.array([[0.0, 0, -60]]))).all()


class TestAnomalyVolume:
    VOLUME = AnomalyVolume(
        VoxelGrid(np.array([0.0, 2, 4]), 2.0, (2, 3, 4)), np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    )

    def test_at__inside_and_outside(self) -> None:
        points = np.array([[1.0, 3, 5], [3, 7, 11], [-0.1, 3, 5], [1, 3, 12]])
        np.testing.assert_array_equal(self.VOLUME.at(points), np.array([0, 23, np.nan, np.nan], np.float32))

    def test_seen_from__its_voxel_for_every_pixel(self) -> None:
        frame = random_frame(np.random.default_rng(2))
        grid = VoxelGrid(np.full(3, -80.0), 8.0, (20, 20, 20))
        scores = np.random.default_rng(1).random(grid.shape).astype(np.float32)
        picture = AnomalyVolume(grid, scores).seen_from(frame)
        for row in range(4):
            for column in range(5):
                if frame.depth[row, column] == 0:
                    assert np.isnan(picture[row, column])
                else:
                    point = world_point(frame, row, column)
                    assert picture[row, column] == scores[tuple(math.floor((p + 80) / 8) for p in point)]

    @FEW
    @given(shift=st.tuples(*[st.integers(-5, 5)] * 3), shape=st.tuples(*[st.integers(1, 6)] * 3))
    def test_resampled__byworld_points(self, shift: tuple[int, ...], shape: tuple[int, int, int]) -> None:
        grid = VoxelGrid(self.VOLUME.grid.origin + 2.0 * np.array(shift), 2.0, shape)
        found = self.VOLUME.resampled(grid)
        index = np.argwhere(np.ones(shape, dtype=bool))
        np.testing.assert_array_equal(found.scores.ravel(), self.VOLUME.at(grid.centres(index)))

    @pytest.mark.parametrize(("origin", "voxel"), [((0, 2, 4), 1.0), ((0.5, 2, 4), 2.0)])
    def test_resampled__another_lattice(self, origin: tuple[float, ...], voxel: float) -> None:
        with pytest.raises(ModMapError, match="same lattice"):
            self.VOLUME.resampled(VoxelGrid(np.array(origin), voxel, (1, 1, 1)))


def _without_specks(scores: Array, least: int) -> Array:
    """Each seen voxel's `least`-th largest among those at most one away, if that is less: written out."""
    found = np.full_like(scores, np.nan)
    lowest = np.nanmin(scores) if np.isfinite(scores).any() else np.nan
    for place in np.argwhere(np.isfinite(scores)).tolist():
        beside = [
            float(scores[x, y, z])
            for x in range(max(place[0] - 1, 0), min(place[0] + 2, scores.shape[0]))
            for y in range(max(place[1] - 1, 0), min(place[1] + 2, scores.shape[1]))
            for z in range(max(place[2] - 1, 0), min(place[2] + 2, scores.shape[2]))
            if np.isfinite(scores[x, y, z])
        ]
        ranked = sorted(beside, reverse=True)
        # Where there are fewer, nothing is left of them.
        found[tuple(place)] = min(scores[tuple(place)], ranked[least - 1]) if len(ranked) >= least else lowest
    return found


def _volume_of(scores: Array) -> AnomalyVolume:
    shape = (scores.shape[0], scores.shape[1], scores.shape[2])
    return AnomalyVolume(VoxelGrid(np.zeros(3), 1.0, shape), scores)


class TestWithoutSpecks:
    @FEW
    @given(SEEDS, st.integers(1, 4))
    def test_without_specks__against_a_loop(self, seed: int, least: int) -> None:
        random = np.random.default_rng(seed)
        scores = random.integers(0, 6, random.integers(1, 6, 3)).astype(np.float32)
        scores[random.random(scores.shape) < 0.5] = np.nan
        found = _volume_of(scores).without_specks(least).scores
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, _without_specks(scores, least))

    @pytest.mark.parametrize(("voxels", "left"), [(1, 0.5), (2, 0.5), (3, 9.0)])
    def test_without_specks__three_that_touch_are_no_speck(self, voxels: int, left: float) -> None:
        scores = np.full((6, 6, 6), 0.5, np.float32)
        scores[0] = np.nan
        for step in range(voxels):
            scores[2, 2 + step // 2, 2 + step % 2] = 9.0
        found = _volume_of(scores).without_specks()
        assert found.score == left
        np.testing.assert_array_equal(found.observed, _volume_of(scores).observed)
        assert int((found.scores == 9).sum()) == (voxels if voxels == 3 else 0)


class TestAggregate:
    @pytest.mark.parametrize(
        ("how", "expected"), [("max", [2, 3]), ("min", [1, 0.5]), ("prod", [2, 1.5]), ("mean", [1.5, 1.75])]
    )
    def test_aggregate__by_hand(self, how: Any, expected: list[float]) -> None:
        found = aggregate(np.array([1.0, 3.0, np.nan]), np.array([2.0, 0.5, 1.0]), how)
        np.testing.assert_array_equal(found, [*expected, np.nan])
