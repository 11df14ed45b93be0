"""COLMAP's text models, written from the format's description: poses, pixels, lenses, and the unit by the depth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.transform import Rotation

from modmap.errors import ModMapError
from modmap.importing.colmap import read_sparse_model
from modmap.importing.colmap_views import colmap_views
from modmap.scan import Scan
from tests.modmap.importing.colmap_files import SCALE, write_colmap
from tests.synthetic_scans import ball_scan

Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def scan() -> Scan:
    """A ball from a ring of cameras."""
    return ball_scan(views=5, width=80, height=60)


class TestColmapViews:
    def test_views__are_those_of_the_scan(self, scan: Scan, tmp_path: Path) -> None:
        places = write_colmap(tmp_path, scan)
        views, notes = colmap_views(**places, depth_unit=1.0, scale=None)
        assert [view.id for view in views] == ["v00", "v01", "v02", "v03", "v04"]
        (note,) = notes
        assert f"the model's unit is {SCALE:g} mm" in note
        for found, view in zip(views, scan.views, strict=True):
            assert found.camera is not None
            assert view.camera is not None
            np.testing.assert_allclose(found.camera.K, view.camera.K, atol=1e-9)
            pose, expected = found.camera.T_world_to_camera, view.camera.T_world_to_camera
            np.testing.assert_allclose(pose[:3, :3], expected[:3, :3], atol=1e-9)
            np.testing.assert_allclose(pose[:3, 3], expected[:3, 3], rtol=0.003)
            np.testing.assert_array_equal(found.load().depth, view.load().depth)

    def test_views__by_a_scale_that_is_given(self, scan: Scan, tmp_path: Path) -> None:
        places = write_colmap(tmp_path, scan)
        (tmp_path / "sparse" / "points3D.txt").unlink()
        views, notes = colmap_views(**places, depth_unit=1.0, scale=SCALE)
        assert notes == ()
        assert views[2].camera is not None
        assert scan.views[2].camera is not None
        np.testing.assert_allclose(
            views[2].camera.T_world_to_camera, scan.views[2].camera.T_world_to_camera, atol=1e-6
        )

    def test_scale__of_depth_that_is_another_part_s(self, scan: Scan, tmp_path: Path) -> None:
        places = write_colmap(tmp_path, scan)
        for path in places["depth"].iterdir():
            depth = np.load(path)
            np.save(path, np.where(depth > 0, np.random.default_rng(0).uniform(100, 900, depth.shape), 0))
        with pytest.raises(
            ModMapError, match="expected depth that agrees with the model's points but for its unit"
        ):
            colmap_views(**places, depth_unit=1.0, scale=None)


class TestReadSparseModel:
    @pytest.mark.parametrize(
        ("model", "parameters", "lens"),
        [
            ("SIMPLE_PINHOLE", "70 40.5 30.5", None),
            ("SIMPLE_RADIAL", "70 40.5 30.5 0.1", [0.1]),
            ("RADIAL", "70 40.5 30.5 0.1 -0.02", [0.1, -0.02]),
            ("OPENCV", "70 70 40.5 30.5 0.1 -0.02 0.003 -0.004", [0.1, -0.02, 0.003, -0.004]),
            (
                "FULL_OPENCV",
                "70 70 40.5 30.5 0.1 -0.02 0.003 -0.004 0.01 0.02 0.03 0.04",
                [0.1, -0.02, 0.003, -0.004, 0.01, 0.02, 0.03, 0.04],
            ),
        ],
    )
    def test_lenses__are_opencv_s(
        self, model: str, parameters: str, lens: list[float] | None, tmp_path: Path
    ) -> None:
        (tmp_path / "cameras.txt").write_text(f"# comment\n7 {model} 80 60 {parameters}\n")
        (tmp_path / "images.txt").write_text("1 1 0 0 0 0 0 1 7 a photograph.png\n\n")
        found = read_sparse_model(tmp_path).lenses[7]
        np.testing.assert_array_equal(found.K, [[70, 0, 40], [0, 70, 30], [0, 0, 1]])
        assert found.size == (80, 60)
        points = np.random.default_rng(0).uniform([-1, -1, 4], [1, 1, 6], (20, 3))
        zero = np.zeros(3)
        theirs = cv2.projectPoints(points, zero, zero, found.K, found.distortion)[0]
        expected = cv2.projectPoints(points, zero, zero, found.K, np.pad(lens or [0.0], (0, 8))[:8])[0]
        np.testing.assert_allclose(theirs, expected)

    def test_images__names_with_spaces_and_without_points(self, tmp_path: Path) -> None:
        (tmp_path / "cameras.txt").write_text("1 PINHOLE 80 60 70 70 40 30\n")
        half = np.sqrt(0.5)
        (tmp_path / "images.txt").write_text(
            f"3 {half} 0 0 {half} 1 2 3 1 a b/c.png\n\n4 1 0 0 0 0 0 0 1 d.png\n1 2 -1 3 4 5"
        )
        first, second = read_sparse_model(tmp_path).photographs
        assert first.name == "a b/c.png"
        turn = Rotation.from_euler("z", 90, degrees=True).as_matrix()
        np.testing.assert_allclose(first.T_world_to_camera[:3, :3], turn, atol=1e-12)
        assert len(first.seen) == 0
        np.testing.assert_array_equal(second.pixels, [[3, 4]])
        np.testing.assert_array_equal(second.seen, [5])
