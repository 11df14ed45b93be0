import numpy as np
import pytest

from benchmarks.cadscan.part import Part
from benchmarks.cadscan.parts import build
from benchmarks.cadscan.views import (
    ViewError,
    binned_intrinsics,
    placed,
    random_camera,
    reached,
    view_id,
    viewpoints,
)


def angle_degrees(rotation: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))


class TestBinnedIntrinsics:
    def test_binned_intrinsics__whole_sensor(self) -> None:
        K = binned_intrinsics((4096, 3000))
        np.testing.assert_allclose(K, [[3470.28, 0, 2045.8], [0, 3468.9, 1563.63], [0, 0, 1]])

    def test_binned_intrinsics__pixel_centres_of_two_by_two_blocks(self) -> None:
        """Pixel (0, 0) of the binned image is the mean of the places (0, 0) to (1, 1)."""
        whole, half = binned_intrinsics((4096, 3000)), binned_intrinsics((2048, 1500))
        ray = np.linalg.inv(whole) @ [10.5, 20.5, 1]
        np.testing.assert_allclose((half @ ray)[:2], [5, 10], atol=1e-9)

    def test_binned_intrinsics__too_large(self) -> None:
        with pytest.raises(ViewError, match=r"expected 1x1 to 4096x3000, found 5000x3000"):
            binned_intrinsics((5000, 3000))
        with pytest.raises(ViewError, match=r"expected 1x1 to 4096x3000, found 0x48"):
            binned_intrinsics((0, 48))


class TestViewpoints:
    @pytest.mark.parametrize("count", [12, 36])
    def test_viewpoints__rings_above_the_part_that_fills_the_image(self, plate: Part, count: int) -> None:
        size = (512, 384)
        cameras = viewpoints(plate.vertices, count, size=size)
        middle = (plate.vertices.min(axis=0) + plate.vertices.max(axis=0)) / 2
        elevations = []
        for camera in cameras:
            uv, z = camera.project(plate.vertices)
            assert (z > 0).all()
            assert (uv > 0).all()
            assert (uv < np.array(size) - 1).all()
            assert (np.ptp(uv, axis=0) / size).max() > 0.7
            way = camera.centre - middle
            elevations.append(np.degrees(np.arcsin(way[2] / np.linalg.norm(way))))
        np.testing.assert_allclose(elevations, np.repeat([25, 50, 75], count // 3), atol=1e-6)
        assert len({view_id(i) for i in range(count)}) == count
        assert sorted(map(view_id, range(count))) == list(map(view_id, range(count)))

    def test_viewpoints__tall_part_in_every_image(self) -> None:
        part = build("pipe_elbow", seed=0, tolerance=0.0)
        for camera in viewpoints(part.vertices, 36, size=(512, 384)):
            uv, _ = camera.project(part.vertices)
            assert (uv > 10).all()
            assert (uv < [501, 373]).all()

    def test_viewpoints__up_is_up(self, plate: Part) -> None:
        for camera in viewpoints(plate.vertices, 12, size=(512, 384)):
            uv, _ = camera.project(np.array([[0.0, 0, 0], [0, 0, 30]]))
            assert uv[1, 1] < uv[0, 1]

    def test_viewpoints__not_a_multiple_of_three(self, plate: Part) -> None:
        with pytest.raises(ViewError, match="expected a multiple of 3, found 10"):
            viewpoints(plate.vertices, 10, size=(512, 384))

    def test_random_camera__sees_the_part_from_outside(self, plate: Part) -> None:
        for seed in range(30):
            camera = random_camera(plate.vertices, np.random.default_rng(seed), size=(64, 64))
            uv, z = camera.project(plate.vertices)
            assert (z > 0).all()
            assert ((uv > 0) & (uv < 63)).all(axis=1).mean() > 0.1


class TestReached:
    def test_reached__repeatability(self) -> None:
        poses = [reached(np.eye(4), np.random.default_rng(seed)) for seed in range(500)]
        shift = [np.linalg.norm(pose[:3, 3]) for pose in poses]
        turn = [angle_degrees(pose[:3, :3]) for pose in poses]
        assert np.sqrt(np.mean(np.square(shift))) == pytest.approx(0.05, rel=0.1)
        assert np.sqrt(np.mean(np.square(turn))) == pytest.approx(0.01, rel=0.1)


class TestPlaced:
    def test_placed__fixture(self) -> None:
        poses = [placed("fixture", np.random.default_rng(seed)) for seed in range(300)]
        assert max(np.abs(pose[:3, 3]).max() for pose in poses) <= 0.3
        assert 0.2 < max(angle_degrees(pose[:3, :3]) for pose in poses) < 0.2 * np.sqrt(3)
        assert min(pose[2, 3] for pose in poses) >= 0

    def test_placed__the_lowest_side_sinks_into_the_table(self) -> None:
        """By the foot's half length times the tilt: of a foot of 180 x 120 mm here, and the fixture's lift helps."""
        foot = np.array([[x, y, 0.0] for x in (-90, 90) for y in (-60, 60)])
        for kind, most in (("fixture", 0.55), ("hand", 0.14)):
            poses = [placed(kind, np.random.default_rng(seed)) for seed in range(300)]
            lowest = min((foot @ pose[:3, :3].T + pose[:3, 3])[:, 2].min() for pose in poses)
            assert -most < lowest < -0.5 * most

    def test_placed__by_hand(self) -> None:
        poses = [placed("hand", np.random.default_rng(seed)) for seed in range(300)]
        assert 2.5 < max(np.abs(pose[:3, 3]).max() for pose in poses) <= 3
        assert all(pose[2, 3] == 0 for pose in poses)
        assert 1.3 < max(angle_degrees(pose[:3, :3]) for pose in poses) < 1.51
        assert min(pose[2, 2] for pose in poses) > np.cos(np.radians(0.1))
