"""The pose and the camera of a cloud in any frame, found again from points that a known camera sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.transform import Rotation

from modmap.datasets.resection import resect
from tests.modmap.importing.clouds import HEIGHT, WIDTH, K, depth_map, moved, points

Array = npt.NDArray[Any]
OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


def _pose(seed: int) -> Array:
    rng = np.random.default_rng(seed)
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(random_state=seed).as_matrix()
    pose[:3, 3] = rng.normal(0, 500, 3)
    return pose


class TestResect:
    @pytest.mark.parametrize("pose", [OPENGL, *(_pose(seed) for seed in range(4))])
    def test_resect__camera_and_pose_are_found_again(self, pose: Array) -> None:
        found = resect(moved(points(), pose))
        assert found is not None
        assert found.holds
        assert not found.mirrored
        camera = found.fitted.camera
        np.testing.assert_allclose(camera.K, K, atol=0.01)
        np.testing.assert_allclose(camera.T_camera_to_world, pose, atol=0.01)
        assert camera.size == (WIDTH, HEIGHT)

    def test_resect__with_the_noise_of_a_sensor(self) -> None:
        noise = np.random.default_rng(0).normal(0, 0.3, (HEIGHT, WIDTH, 1))
        rays = points() / np.where(depth_map() > 0, depth_map(), 1)[..., None]
        found = resect(moved(points() + noise * rays, _pose(1)))
        assert found is not None
        assert found.holds
        np.testing.assert_allclose(found.fitted.camera.T_camera_to_world, _pose(1), atol=0.5)

    def test_resect__rows_that_run_upwards(self) -> None:
        found = resect(moved(points()[::-1], _pose(2)))
        assert found is not None
        assert found.holds
        assert found.mirrored
        np.testing.assert_allclose(found.fitted.camera.T_camera_to_world, _pose(2), atol=0.01)

    def test_resect__a_plane_leaves_it_open(self) -> None:
        flat = points(np.full((HEIGHT, WIDTH), 400.0, np.float32))
        noise = np.random.default_rng(0).normal(0, 0.05, flat.shape)
        for cloud in (flat, flat + noise):
            found = resect(moved(cloud, _pose(3)))
            assert found is None or not found.holds

    def test_resect__what_no_pinhole_sees(self) -> None:
        """A line scanner's grid: parallel rays."""
        v, u = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
        cloud = np.stack([u, v, 30 * np.sin(u / 9) * np.cos(v / 7)], axis=-1)
        found = resect(cloud)
        assert found is None or not found.holds

    def test_resect__too_few_points(self) -> None:
        cloud = np.full((HEIGHT, WIDTH, 3), np.nan)
        cloud[0, :50] = points()[1, :50]
        assert resect(cloud) is None
