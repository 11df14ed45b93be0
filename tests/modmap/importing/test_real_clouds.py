"""Clouds that sensors measured: a data set's, in the camera's frame and moved to another, and other programs' files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from modmap.errors import ModMapError
from modmap.files.images import read_point_map
from modmap.importing.cloud_camera import cloud_poses, seen_from
from modmap.importing.e57 import e57_files
from modmap.importing.pcd import pcd_file
from tests.modmap.importing.clouds import moved
from tests.real_scans import sensor_data

pytestmark = pytest.mark.shared


class TestRealClouds:
    def test_seen_from__in_its_frame_and_in_another(self) -> None:
        """A sensor's points, which aren't exact, on a part of a few centimetres: the pose to 0.1 degrees."""
        path = sorted((sensor_data("mvtec3d_ad") / "cable_gland").rglob("xyz/*.tiff"))[0]
        points = read_point_map(path).astype(np.float64) * 1000
        points[~(np.isfinite(points).all(axis=2) & (points[..., 2] > 0))] = np.nan
        own = seen_from(points, where="own")
        assert own.own_frame
        pose = np.eye(4)
        pose[:3, :3] = Rotation.random(random_state=1).as_matrix()
        pose[:3, 3] = (300, -200, 500)
        found = seen_from(moved(points, pose), where="moved")
        assert not found.own_frame
        assert not found.mirrored
        assert found.fitted.residual < 1.1 * own.fitted.residual
        T = found.fitted.camera.T_camera_to_world
        turn = Rotation.from_matrix(pose[:3, :3].T @ T[:3, :3]).magnitude()
        assert np.rad2deg(turn) < 0.1
        assert np.linalg.norm(T[:3, 3] - pose[:3, 3]) < 2

    @pytest.mark.parametrize("name", ["capture0001", "learn0"])
    def test_pcd__of_a_kinect(self, name: str) -> None:
        file = pcd_file(_file(f"{name}.pcd"))
        cloud = file.read()
        assert cloud.points.shape == (480, 640, 3)
        assert (cloud.image is not None) is (name == "learn0")
        camera = seen_from(cloud.points * 1000, where=name).fitted.camera
        # What its driver makes points with.
        np.testing.assert_allclose(camera.K, [[525, 0, 319.5], [0, 525, 239.5], [0, 0, 1]], atol=0.01)

    def test_pcd__viewpoints_that_the_driver_wrote_are_none(self) -> None:
        files = [pcd_file(_file(f"capture000{number}.pcd")) for number in (1, 2)]
        assert files[0].pose is not None
        seen = {file.view_id: seen_from(file.read().points * 1000, where=file.view_id) for file in files}
        assert cloud_poses(files, seen, 1000.0) is None

    def test_e57__a_panorama_is_refused(self) -> None:
        pytest.importorskip("pye57")
        (file,) = e57_files(_file("pumpAVisualReferenceImage.e57"))
        cloud = file.read()
        assert cloud.points.shape == (1074, 345, 3)
        assert cloud.image is not None
        with pytest.raises(ModMapError, match="expected points that a pinhole camera sees at their pixels"):
            seen_from(cloud.points * 1000, where="pump")


def _file(name: str) -> Path:
    path = sensor_data("point_clouds") / name
    if not path.is_file():
        pytest.skip(f"{name} is not on disk")
    return path
