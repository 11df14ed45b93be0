"""OpenCV's calib.xml with pose.txt, cameras.json in their place, and SiM3D's folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

from tests.bad_inputs.making import cut
from tests.bad_inputs.row_makers import FileRows, Make
from tests.bad_inputs.table import Fault, Row
from tests.bad_inputs.workspace import Workspace

SIM3D = "modmap check {sim3d}/ball/ball_real"
_CALIB = FileRows("{sim3d}/ball/calib.xml", SIM3D)
_STORAGE = _CALIB.saying("expected an OpenCV FileStorage, found ")
_NUMBERS = _CALIB.saying("expected mtxL, distL, wL and hL, found ")
_POSES = FileRows("{sim3d}/ball/pose.txt", SIM3D)
_BOTH = FileRows("{sim3d}/ball/pose.txt", SIM3D, "{sim3d}/ball/calib.xml, {sim3d}/ball/pose.txt: view 00: ")
_CAMERAS = FileRows("{sim3d}/ball/cameras.json", SIM3D)
_FOLDER = FileRows("{sim3d}/ball/ball_real", SIM3D)


def _poses(change: Callable[[list[str]], list[str]]) -> Make:
    def spoil(w: Workspace) -> None:
        path = w.category / "pose.txt"
        path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")

    return spoil


def _calib(old: str, new: str) -> Make:
    def spoil(w: Workspace) -> None:
        path = w.category / "calib.xml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return spoil


def _cameras(change: Callable[[Any], object]) -> Make:
    """A cameras.json in place of OpenCV's files."""

    def spoil(w: Workspace) -> None:
        scan = json.loads((w.scan / "scan.json").read_text())
        record = {
            "depth_unit": "mm",
            "views": {
                view["id"]: {
                    "K": view["K"],
                    "size": view["K_size"],
                    "T_world_to_camera": view["T_world_to_camera"],
                }
                for view in scan["views"][:3]
            },
        }
        change(record)
        (w.category / "cameras.json").write_text(json.dumps(record))

    return spoil


FILES = Fault(
    "A calibration file that can't be read",
    means="SiM3D's scans have an OpenCV `calib.xml` with `mtxL`, and a `pose.txt` with a row of 16 numbers for each view; "
    "or our own `cameras.json`.",
    do="Copy the file again, or write `cameras.json` (`modmap.datasets.write_cameras`).",
    rows=(
        _STORAGE.text("calib_empty", "", "one that cannot be parsed"),
        _STORAGE.text("calib_text", "hello", "one that cannot be parsed"),
        _CALIB.text("calib_bytes", b"\xa4" * 15 + b"<ncovp1:", "expected text, found other bytes"),
        _STORAGE.cut("calib_cut", "one that cannot be parsed"),
        _STORAGE.text(
            "calib_other_xml", '<?xml version="1.0"?>\n<a><b>1</b></a>\n', "one that cannot be parsed"
        ),
        _CALIB("calib_no_matrix", _calib("mtxL", "mtxR"), "expected the camera matrix mtxL, found none"),
        _NUMBERS.text(
            "calib_matrix_is_number",
            '<?xml version="1.0"?>\n<opencv_storage>\n<mtxL>3.</mtxL>\n</opencv_storage>\n',
            "a broken one (...)",
        ),
        _NUMBERS("calib_rows_2", _calib("<rows>3</rows>", "<rows>2</rows>"), "a broken one (...)"),
        _NUMBERS("calib_bad_word", _calib("<rows>3</rows>", "<rows>x</rows>"), "a broken one (...)"),
        _CALIB(
            "calib_size_word",
            _calib("<wL>80.</wL>", "<wL>wide</wL>"),
            "expected wL and hL in pixels, found no such numbers",
        ),
        Row(
            "pose_missing",
            lambda w: (w.category / "pose.txt").unlink(),
            SIM3D,
            "calibration: looked for cameras.json, or calib.xml and pose.txt, in {sim3d}/ball/ball_real, {sim3d}/ball, {sim3d}; found only {sim3d}/ball/calib.xml",
            0,
        ),
        _POSES.text("pose_empty", "", "expected one pose per line, found an empty file"),
        _POSES("pose_one_less", _poses(lambda lines: lines[:-1]), "expected 3 poses, one per view, found 2"),
        _POSES(
            "pose_one_more",
            _poses(lambda lines: [*lines, lines[0]]),
            "expected 3 poses, one per view, found 4",
        ),
        _POSES(
            "pose_15_numbers",
            _poses(lambda lines: [lines[0].rsplit(" ", 1)[0], *lines[1:]]),
            "line 1: expected 16 numbers, found 15",
        ),
        _POSES(
            "pose_word",
            _poses(lambda lines: [lines[0], "R t", *lines[2:]]),
            "line 2: expected 16 numbers, found 'R t'",
        ),
        _BOTH(
            "pose_nan",
            _poses(lambda lines: [" ".join(["nan"] * 16), *lines[1:]]),
            "T_camera_to_world: expected finite numbers, found [[nan, nan, nan, nan], [nan, nan, nan, nan], [nan, nan, nan, nan], [nan, nan, nan, nan]]",
        ),
        _BOTH(
            "pose_no_rotation",
            _poses(lambda lines: [" ".join(["1"] * 16), *lines[1:]]),
            "T_camera_to_world: expected a rotation and a translation with last row 0 0 0 1, found |R R^T - 1| = 3, det R = 0, last row [1.0, 1.0, 1.0, 1.0]",
        ),
        _POSES.text("pose_bytes", b"\xff\xfe\x00\x01", "expected text, found other bytes"),
        Row(
            "pose_byte_order_mark",
            lambda w: (w.category / "pose.txt").write_bytes(
                b"\xef\xbb\xbf" + (w.category / "pose.txt").read_bytes()
            ),
            SIM3D,
            "",
            0,
        ),
        Row("pose_commas", _poses(lambda lines: [line.replace(" ", ", ") for line in lines]), SIM3D, "", 0),
        _CAMERAS.text(
            "cameras_broken",
            "{",
            "broken JSON at line 1, column 2: Expecting property name enclosed in double quotes",
        ),
        _CAMERAS(
            "cameras_unknown_key",
            _cameras(lambda c: c.update(unit="mm")),
            "unit: unknown key; did you mean depth_unit?",
        ),
        _CAMERAS(
            "cameras_view_key",
            _cameras(lambda c: c["views"]["00"].update(k=1)),
            "views.00.k: unknown key; known are K, size, T_world_to_camera, distortion",
        ),
        _CAMERAS(
            "cameras_no_pose",
            _cameras(lambda c: c["views"]["00"].pop("T_world_to_camera")),
            "views.00.T_world_to_camera: this key is required, found none",
        ),
        _CAMERAS(
            "cameras_bad_pose",
            _cameras(lambda c: c["views"]["00"].update(T_world_to_camera=[[1]])),
            "view 00: T_world_to_camera: expected a 4x4 matrix, found shape (1, 1)",
        ),
        _CAMERAS(
            "cameras_unit",
            _cameras(lambda c: c.update(depth_unit="feet")),
            'depth_unit: expected "mm", "m", "0.1mm" or a positive number of millimetres per unit, from 1e-06 to 1e+06, found "feet"',
        ),
        Row(
            "cameras_view_missing",
            _cameras(lambda c: c["views"].pop("01")),
            SIM3D,
            "calibration: {sim3d}/ball/cameras.json lacks view 01; it has 00, 02",
            0,
        ),
        Row(
            "cameras_no_unit",
            _cameras(lambda c: c.pop("depth_unit")),
            SIM3D,
            "depth unit: millimetres, because the median depth of 000.npy is 252.2, not below 20",
            0,
        ),
    ),
)

FOLDERS = Fault(
    "A folder that isn't as SiM3D's are",
    means="A scanned view is `depth/*.npy` with `rgb/*_2.png`, a rendered one `DEPTH/*_depth.exr` with `RGB/*_2.png`: as "
    "many images as depth maps.",
    do="Copy what is missing. Where the names differ, views are paired in their order, and a line says so.",
    rows=(
        _FOLDER(
            "sim3d_image_missing",
            lambda w: (w.category / "ball_real/rgb/001_2.png").unlink(),
            "expected an image for every depth map, found 2 rgb/*_2.png and 3 depth/*.npy",
        ),
        _FOLDER(
            "sim3d_depth_missing",
            lambda w: (w.category / "ball_real/depth/001.npy").unlink(),
            "expected an image for every depth map, found 3 rgb/*_2.png and 2 depth/*.npy",
        ),
        Row(
            "sim3d_no_image",
            lambda w: [path.unlink() for path in (w.category / "ball_real/rgb").iterdir()],
            SIM3D,
            "{sim3d}/ball/ball_real/rgb: expected files *_2.png, found nothing",
        ),
        _FOLDER(
            "sim3d_no_folder",
            lambda w: shutil.rmtree(w.category / "ball_real/rgb"),
            "expected at least one scan at or below it (scan.json or transforms.json, or folders depth and rgb, or DEPTH and RGB), found none",
        ),
        Row(
            "sim3d_other_names",
            lambda w: (w.category / "ball_real/depth/001.npy").rename(
                w.category / "ball_real/depth/0015.npy"
            ),
            SIM3D,
            "{sim3d}/ball/ball_real: 3 views, rgb/*_2.png with depth/*.npy, paired by position, because names differ: 001_2.png with 002.npy",
            0,
        ),
        Row(
            "sim3d_depth_cut",
            lambda w: cut(w.category / "ball_real/depth/001.npy"),
            SIM3D,
            "{sim3d}/ball/ball_real/depth/001.npy: expected a whole NumPy file, found a damaged one (...)",
        ),
        Row(
            "sim3d_no_training",
            lambda w: shutil.rmtree(w.category / "ball_real"),
            "modmap evaluate {sim3d}/ball -o {new}",
            "{sim3d}/ball/ball_real: expected the real training scan of ball, found none",
        ),
        Row(
            "sim3d_no_tests",
            lambda w: shutil.rmtree(w.category / "ball_00_bad"),
            "modmap evaluate {sim3d}/ball -o {new}",
            "{sim3d}/ball: expected test scans beside {sim3d}/ball/ball_real, found none",
            2,
        ),
    ),
)

FAULTS = (FILES, FOLDERS)
