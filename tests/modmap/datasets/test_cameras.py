"""`cameras.json`, and OpenCV's `calib.xml` with `pose.txt`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from modmap.datasets import load_scan, write_cameras
from modmap.errors import ModMapError
from modmap.scan import Camera, Scan
from tests.sim3d_directories import write_scanned
from tests.synthetic_scans import intrinsics, look_at

Array = npt.NDArray[Any]

K = intrinsics(8, 6, focal=9)
DISTORTION = np.array([[-0.1, 0.02, 0.001, 0.0, 0.003]])


def _cameras(count: int, *, distance: float = 400.0, distortion: Array | None = None) -> dict[str, Camera]:
    cameras = {}
    for index in range(count):
        place = distance * np.array([np.cos(index), np.sin(index), 0.5]) + [3000.0, 100, 0]
        pose = look_at(place, np.array([3000.0, 100, 0]))
        cameras[f"{index:02d}"] = Camera(K, pose, size=(8, 6), distortion=distortion)
    return cameras


def _calib_xml(path: Path, **changes: Any) -> None:
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for name, value in ({"mtxL": K, "distL": DISTORTION, "wL": 8, "hL": 6} | changes).items():
        if value is not None:
            storage.write(name, value)
    storage.release()


def _pose_txt(path: Path, cameras: dict[str, Camera], *, unit: float) -> None:
    lines = []
    for camera in cameras.values():
        pose = np.linalg.inv(camera.T_world_to_camera)
        pose[:3, 3] /= unit
        lines.append(" ".join(repr(float(number)) for number in pose.ravel()))
    path.write_text("\n".join(lines) + "\n")


def _same_poses(scan: Scan, cameras: dict[str, Camera]) -> None:
    for view in scan.views:
        assert view.camera is not None
        np.testing.assert_allclose(
            view.camera.T_world_to_camera, cameras[view.id].T_world_to_camera, atol=1e-6
        )


def _texts(scan: Scan, kind: str) -> list[str]:
    return [finding.text for finding in scan.findings if finding.kind == kind]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A scan of three views in a category in a root, without calibration."""
    return write_scanned(tmp_path / "root" / "container" / "container_01")


class TestCamerasJson:
    def test_round_trip(self, directory: Path) -> None:
        cameras = _cameras(3, distortion=DISTORTION[0])
        write_cameras(directory / "cameras.json", cameras)
        scan = load_scan(directory)
        for view in scan.views:
            assert view.camera is not None
            np.testing.assert_array_equal(view.camera.K, K)
            np.testing.assert_array_equal(view.camera.T_world_to_camera, cameras[view.id].T_world_to_camera)
            np.testing.assert_array_equal(view.camera.distortion, DISTORTION[0])
            assert view.camera.size == (8, 6)
        assert _texts(scan, "guessed") == []

    @pytest.mark.parametrize("unit", ["mm", "m", "0.1mm", 0.25])
    def test_depth_unit(self, directory: Path, unit: str | float) -> None:
        write_cameras(directory / "cameras.json", _cameras(3), depth_unit=unit)
        expected = {"mm": 1.0, "m": 1000.0, "0.1mm": 0.1}.get(str(unit), 0.25)
        assert load_scan(directory)["00"].depth_unit == expected

    def test_written_by_hand_without_unit_and_size(self, directory: Path) -> None:
        record = {"K": K.tolist(), "T_world_to_camera": np.eye(4).tolist()}
        (directory / "cameras.json").write_text(json.dumps({"views": {"01": record}}))
        scan = load_scan(directory)
        assert scan["01"].load().camera is not None
        assert scan["00"].camera is None
        assert any(text.startswith("depth unit: millimetres") for text in _texts(scan, "guessed"))
        assert any("lacks view 00, 02; it has 01" in text for text in _texts(scan, "missed"))
        with pytest.raises(ModMapError, match=r"view 00 has none \(.*cameras\.json does not have it\)"):
            scan.require_cameras()

    def test_nearest_directory_wins(self, directory: Path) -> None:
        places = [directory.parents[1], directory.parents[0], directory]
        for distance, place in zip((500.0, 600.0, 700.0), places, strict=True):
            cameras = _cameras(3, distance=distance)
            write_cameras(place / "cameras.json", cameras)
            _same_poses(load_scan(directory), cameras)

    def test_above_the_root_nothing_is_looked_for(self, directory: Path) -> None:
        write_cameras(directory.parents[2] / "cameras.json", _cameras(3))
        assert load_scan(directory)["00"].camera is None

    def test_a_stray_scan_looks_no_farther_than_its_parent(self, tmp_path: Path) -> None:
        stray = write_scanned(tmp_path / "a" / "b" / "container_01")
        write_cameras(tmp_path / "a" / "cameras.json", _cameras(3))
        assert load_scan(stray)["00"].camera is None
        write_cameras(tmp_path / "a" / "b" / "cameras.json", _cameras(3))
        assert load_scan(stray)["00"].camera is not None

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ({"view": {}}, "view: unknown key; did you mean views? (and 1 more)"),
            ({"views": {"00": {"K": [[1]]}}}, "views.00.T_world_to_camera: this key is required"),
            ({"views": {}, "depth_unit": "inch"}, 'depth_unit: expected "mm"'),
            (
                {"views": {"00": {"K": K.tolist(), "T_world_to_camera": np.diag([1, 1, -1, 1]).tolist()}}},
                "view 00: T_world_to_camera: expected a rotation",
            ),
        ],
    )
    def test_mistakes(self, directory: Path, content: Any, expected: str) -> None:
        (directory / "cameras.json").write_text(json.dumps(content))
        with pytest.raises(ModMapError) as raised:
            load_scan(directory)
        assert str(raised.value).startswith(f"{directory / 'cameras.json'}: {expected}")

    def test_a_view_twice(self, directory: Path) -> None:
        (directory / "cameras.json").write_text('{"views": {"00": {}, "00": {}}}')
        with pytest.raises(ModMapError, match="expected each key once, found 00 twice"):
            load_scan(directory)

    def test_write_cameras__unknown_unit_writes_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match='expected "mm"'):
            write_cameras(tmp_path / "cameras.json", _cameras(1), depth_unit="inch")
        assert list(tmp_path.iterdir()) == []


class TestOpenCV:
    @pytest.mark.parametrize(("unit", "name"), [(1000.0, "metres"), (1.0, "millimetres")])
    def test_pose_unit_is_guessed_and_said(self, directory: Path, unit: float, name: str) -> None:
        cameras = _cameras(3)
        _calib_xml(directory / "calib.xml")
        _pose_txt(directory / "pose.txt", cameras, unit=unit)
        scan = load_scan(directory)
        _same_poses(scan, cameras)
        camera = scan["00"].camera
        assert camera is not None
        np.testing.assert_allclose(camera.K, K)
        assert camera.distortion is not None
        np.testing.assert_allclose(camera.distortion, DISTORTION[0])
        assert camera.size == (8, 6)
        guessed = _texts(scan, "guessed")
        assert any(
            text.startswith(f"pose unit: {name}, because the spread of the cameras is") for text in guessed
        )
        assert any("so distL of" in text for text in guessed)
        assert any(str(directory / "calib.xml") in text for text in _texts(scan, "found"))

    def test_depth_in_metres_and_poses_in_metres(self, tmp_path: Path) -> None:
        directory = write_scanned(tmp_path / "container_01", unit=1000.0)
        cameras = _cameras(3)
        _calib_xml(directory / "calib.xml")
        _pose_txt(directory / "pose.txt", cameras, unit=1000.0)
        _same_poses(load_scan(directory), cameras)

    def test_poses_behind_a_byte_order_mark(self, directory: Path) -> None:
        _calib_xml(directory / "calib.xml")
        _pose_txt(directory / "pose.txt", _cameras(3), unit=1000.0)
        poses = directory / "pose.txt"
        poses.write_bytes(b"\xef\xbb\xbf" + poses.read_bytes())
        _same_poses(load_scan(directory), _cameras(3))

    def test_one_view_is_measured_from_the_origin(self, tmp_path: Path) -> None:
        directory = write_scanned(tmp_path / "container_01", views=1)
        _calib_xml(directory / "calib.xml")
        _pose_txt(directory / "pose.txt", _cameras(1), unit=1000.0)
        scan = load_scan(directory)
        _same_poses(scan, _cameras(1))
        assert any("camera's distance from the origin" in text for text in _texts(scan, "guessed"))

    def test_calib_of_the_root_and_poses_of_the_category(self, directory: Path) -> None:
        _calib_xml(directory.parents[1] / "calib.xml")
        _pose_txt(directory.parents[0] / "pose.txt", _cameras(3), unit=1000.0)
        _same_poses(load_scan(directory), _cameras(3))

    def test_only_one_of_the_two(self, directory: Path) -> None:
        _calib_xml(directory / "calib.xml")
        scan = load_scan(directory)
        assert scan["00"].camera is None
        assert any(f"found only {directory / 'calib.xml'}" in text for text in _texts(scan, "missed"))

    def test_cameras_json_comes_first(self, directory: Path) -> None:
        _calib_xml(directory / "calib.xml")
        _pose_txt(directory / "pose.txt", _cameras(3), unit=1000.0)
        write_cameras(directory.parents[1] / "cameras.json", _cameras(3, distance=900.0))
        _same_poses(load_scan(directory), _cameras(3, distance=900.0))

    def test_least_calib(self, directory: Path) -> None:
        _calib_xml(directory / "calib.xml", distL=None, wL=None, hL=None)
        _pose_txt(directory / "pose.txt", _cameras(3), unit=1000.0)
        scan = load_scan(directory)
        camera = scan["00"].camera
        assert camera is not None
        assert camera.size is None
        assert camera.distortion is None
        assert any("has no wL and hL" in text for text in _texts(scan, "missed"))

    def test_size_of_another_camera(self, directory: Path) -> None:
        _calib_xml(directory / "calib.xml", wL=9, hL=4)
        _pose_txt(directory / "pose.txt", _cameras(3), unit=1000.0)
        with pytest.raises(ModMapError, match="view 00: K belongs to another image size: expected 8x6"):
            load_scan(directory)["00"].load()

    @pytest.mark.parametrize("lines", [2, 4])
    def test_other_number_of_poses_than_views(self, directory: Path, lines: int) -> None:
        _calib_xml(directory / "calib.xml")
        _pose_txt(directory / "pose.txt", _cameras(lines), unit=1000.0)
        with pytest.raises(ModMapError, match=rf"pose\.txt: expected 3 poses, one per view, found {lines}"):
            load_scan(directory)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "expected one pose per line, found an empty file"),
            ("1 0 0 0\n0 1 0 0\n", "line 1: expected 16 numbers, found 4"),
            ("\n" + "1 " * 15 + "x", "line 2: expected 16 numbers, found '1 1"),
            (
                " ".join(["2 0 0 0 0 2 0 0 0 0 2 0 0 0 0 1"])
                + "\n"
                + "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n" * 2,
                "",
            ),
        ],
    )
    def test_bad_pose_txt(self, directory: Path, text: str, expected: str) -> None:
        _calib_xml(directory / "calib.xml")
        (directory / "pose.txt").write_text(text)
        with pytest.raises(ModMapError) as raised:
            load_scan(directory)
        if expected:
            assert str(raised.value).startswith(f"{directory / 'pose.txt'}: {expected}")
        else:
            assert "pose.txt: view 00: T_camera_to_world: expected a rotation" in str(raised.value)

    @pytest.mark.parametrize(
        "content",
        ["", "hello", '<?xml version="1.0"?>\n<opencv_storage>\n<mtxL type_id="opencv-matrix"> <rows>3</ro'],
    )
    def test_damaged_calib(self, directory: Path, content: str) -> None:
        (directory / "calib.xml").write_text(content)
        _pose_txt(directory / "pose.txt", _cameras(3), unit=1000.0)
        with pytest.raises(ModMapError, match=r"calib\.xml: expected an OpenCV FileStorage"):
            load_scan(directory)

    def test_calib_without_matrix(self, directory: Path) -> None:
        _pose_txt(directory / "pose.txt", _cameras(3), unit=1000.0)
        _calib_xml(directory / "calib.xml", mtxL=None)
        with pytest.raises(ModMapError, match=r"calib\.xml: expected the camera matrix mtxL, found none"):
            load_scan(directory)
        _calib_xml(directory / "calib.xml", mtxL="text")
        with pytest.raises(ModMapError, match=r"calib\.xml: expected mtxL, distL, wL and hL"):
            load_scan(directory)
