"""Cameras: in scan.json, in cameras.json, in OpenCV's calib.xml with pose.txt; and SiM3D's folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.bad_inputs.making import cut
from tests.bad_inputs.table import Fault, Row, Subject
from tests.bad_inputs.workspace import GONE, Workspace, edit

CHECK = "modmap check {scan}"
SIM3D = "modmap check {sim3d}/ball/ball_real"
HALF_TURN = [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 900], [0, 0, 0, 1]]


def _view(key: str, value: Any) -> Callable[[Workspace], object]:
    return lambda w: w.set(w.scan / "scan.json", f"views/0/{key}", value)


def _views(**values: Any) -> Callable[[Workspace], object]:
    return lambda w: edit(w.scan / "scan.json", lambda scan: scan["views"][0].update(values))


def _pose(change: Callable[[np.ndarray[Any, Any]], object]) -> Callable[[Workspace], object]:
    def spoil(w: Workspace) -> None:
        def changed(scan: Any) -> None:
            pose = np.array(scan["views"][0]["T_world_to_camera"])
            change(pose)
            scan["views"][0]["T_world_to_camera"] = pose.tolist()

        edit(w.scan / "scan.json", changed)

    return spoil


def _poses(change: Callable[[list[str]], list[str]]) -> Callable[[Workspace], object]:
    def spoil(w: Workspace) -> None:
        path = w.category / "pose.txt"
        path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")

    return spoil


def _calib(old: str, new: str) -> Callable[[Workspace], object]:
    def spoil(w: Workspace) -> None:
        path = w.category / "calib.xml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return spoil


def _cameras(change: Callable[[Any], object]) -> Callable[[Workspace], object]:
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


MATRICES = Fault(
    "A camera that can't be",
    means="`K` is [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] in pixels, the pose a rotation and a translation in four rows "
    "of four, and a distortion has as many coefficients as OpenCV's models have.",
    do="Take the numbers from the calibration as it was written: rows before columns, the pose from world to camera, or "
    "`T_camera_to_world` for the other way round. A fisheye model's coefficients aren't OpenCV's k1 k2 p1 p2.",
    rows=(
        Row(
            "camera_k_two_rows",
            _view("K", [[100, 0, 40], [0, 100, 30]]),
            CHECK,
            "{scan}/scan.json: views.0: K: expected a 3x3 matrix, found shape (2, 3)",
        ),
        Row(
            "camera_k_ragged",
            _view("K", [[100, 0, 40], [0, 100], [0, 0, 1]]),
            CHECK,
            "{scan}/scan.json: views.0: K: expected numbers, found [[100.0, 0.0, 40.0], [0.0, 100.0], [0.0, "
            "0.0, 1.0]]",
        ),
        Row(
            "camera_k_words",
            _view("K", [["a", 0, 40], [0, 100, 30], [0, 0, 1]]),
            CHECK,
            "{scan}/scan.json: views.0.K.0.0: expected a valid number, unable to parse string as a number, "
            'found "a"',
        ),
        Row(
            "camera_k_flat",
            _view("K", [100, 0, 40, 0, 100, 30, 0, 0, 1]),
            CHECK,
            "{scan}/scan.json: views.0.K.0: expected a valid list, found 100 (and 8 more)",
        ),
        Row(
            "camera_k_zero",
            _view("K", [[0, 0, 40], [0, 100, 30], [0, 0, 1]]),
            CHECK,
            "{scan}/scan.json: views.0: K: expected [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] with positive "
            "fx and fy, found [[0.0, 0.0, 40.0], [0.0, 100.0, 30.0], [0.0, 0.0, 1.0]]",
        ),
        Row(
            "camera_k_mirrored",
            _view("K", [[-100, 0, 40], [0, 100, 30], [0, 0, 1]]),
            CHECK,
            "{scan}/scan.json: views.0: K: expected [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] with positive "
            "fx and fy, found [[-100.0, 0.0, 40.0], [0.0, 100.0, 30.0], [0.0, 0.0, 1.0]]",
        ),
        Row(
            "camera_k_last_row",
            _view("K", [[100, 0, 40], [0, 100, 30], [0, 0, 2]]),
            CHECK,
            "{scan}/scan.json: views.0: K: expected [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] with positive "
            "fx and fy, found [[100.0, 0.0, 40.0], [0.0, 100.0, 30.0], [0.0, 0.0, 2.0]]",
        ),
        Row(
            "camera_k_transposed",
            _view("K", [[100, 0, 0], [0, 100, 0], [40, 30, 1]]),
            CHECK,
            "{scan}/scan.json: views.0: K: expected [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] with positive "
            "fx and fy, found [[100.0, 0.0, 0.0], [0.0, 100.0, 0.0], [40.0, 30.0, 1.0]]",
        ),
        Row(
            "camera_k_empty",
            _view("K", []),
            CHECK,
            "{scan}/scan.json: views.0: K: expected a 3x3 matrix, found shape (0,)",
        ),
        Row(
            "camera_skew_and_distortion",
            _views(K=[[100, 2, 40], [0, 100, 30], [0, 0, 1]], distortion=[0.1, 0, 0, 0]),
            CHECK,
            "{scan}/scan.json: views.0: K: expected no skew beside a distortion (OpenCV's model has none), "
            "found 2",
        ),
        Row(
            "camera_pose_mirrored",
            _pose(lambda pose: np.negative(pose[0], out=pose[0])),
            CHECK,
            "{scan}/scan.json: views.0: T_world_to_camera: expected a rotation and a translation with last "
            "row 0 0 0 1, found |R R^T - 1| = 1.96e-17, det R = -1, last row [0.0, 0.0, 0.0, 1.0]",
        ),
        Row(
            "camera_pose_scaled",
            _pose(lambda pose: np.multiply(pose[:3, :3], 2, out=pose[:3, :3])),
            CHECK,
            "{scan}/scan.json: views.0: T_world_to_camera: expected a rotation and a translation with last "
            "row 0 0 0 1, found |R R^T - 1| = 3, det R = 8, last row [0.0, 0.0, 0.0, 1.0]",
        ),
        Row(
            "camera_pose_last_row",
            _pose(lambda pose: np.copyto(pose[3], 1)),
            CHECK,
            "{scan}/scan.json: views.0: T_world_to_camera: expected a rotation and a translation with last "
            "row 0 0 0 1, found |R R^T - 1| = 1.96e-17, det R = 1, last row [1.0, 1.0, 1.0, 1.0]",
        ),
        Row(
            "camera_pose_3x4",
            _view("T_world_to_camera", HALF_TURN[:3]),
            CHECK,
            "{scan}/scan.json: views.0: T_world_to_camera: expected a 4x4 matrix, found shape (3, 4)",
        ),
        Row(
            "camera_pose_empty",
            _view("T_world_to_camera", []),
            CHECK,
            "{scan}/scan.json: views.0: T_world_to_camera: expected a 4x4 matrix, found shape (0,)",
        ),
        Row(
            "camera_two_poses",
            _view("T_camera_to_world", HALF_TURN),
            CHECK,
            "{scan}/scan.json: views.0: expected T_world_to_camera or T_camera_to_world, found both",
        ),
        Row(
            "camera_distortion_3",
            _view("distortion", [0.1, 0, 0]),
            CHECK,
            "{scan}/scan.json: views.0: distortion: expected 4, 5, 8, 12, 14 finite OpenCV coefficients, "
            "found [0.1, 0.0, 0.0]",
        ),
        Row(
            "camera_distortion_empty",
            _view("distortion", []),
            CHECK,
            "{scan}/scan.json: views.0: distortion: expected 4, 5, 8, 12, 14 finite OpenCV coefficients, "
            "found []",
        ),
        Row(
            "camera_distortion_words",
            _view("distortion", "fisheye"),
            CHECK,
            '{scan}/scan.json: views.0.distortion: expected a valid list, found "fisheye"',
        ),
        Row(
            "camera_model_fisheye",
            _view("model", "fisheye"),
            CHECK,
            "{scan}/scan.json: views.0: expected a camera of OpenCV's pinhole model, found one of the fisheye model, "
            "which isn't supported: undistort images and depth maps, and give the K of the result, found ...",
        ),
        Row(
            "camera_size_zero",
            _view("K_size", [0, 60]),
            CHECK,
            "{scan}/scan.json: views.0: size: expected a width and a height of 1 and more, found (0, 60)",
        ),
        Row(
            "camera_size_three",
            _view("K_size", [80, 60, 1]),
            CHECK,
            "{scan}/scan.json: views.0.K_size: tuple should have at most 2 items after validation, not 3, "
            "found [80, 60, 1]",
        ),
        Row(
            "camera_size_half",
            _view("K_size", [80.5, 60]),
            CHECK,
            "{scan}/scan.json: views.0.K_size.0: expected a valid integer, got a number with a fractional "
            "part, found 80.5",
        ),
        Row(
            "camera_size_other_aspect",
            _view("K_size", [60, 80]),
            CHECK,
            "view 00: K belongs to another image size: expected 80x60 (the image's) or a scaled version of "
            "it, found 60x80",
        ),
        Row(
            "camera_centre_outside",
            _views(K_size=None, K=[[100, 0, 4000], [0, 100, 30], [0, 0, 1]]),
            CHECK,
            "view 00: K belongs to another image size: its principal point (4000.0, 30.0) is outside the "
            "80x60 image",
        ),
        Row("camera_missing", _view("K", GONE), CHECK, "camera of view 00: scan.json gives it no K", 0),
        Row(
            "camera_missing_at_fit",
            _view("K", GONE),
            "modmap fit {scan} -o {new}",
            "scan ball: evidence: expected a camera for every view, by which scans are laid on the nominal "
            "one, found none for view 00 (scan.json gives it no K); preset fast needs none",
        ),
    ),
)

FILES = Fault(
    "A calibration file that can't be read",
    means="SiM3D's scans have an OpenCV `calib.xml` with `mtxL`, and a `pose.txt` with a row of 16 numbers for each view; "
    "or our own `cameras.json`.",
    do="Copy the file again, or write `cameras.json` (`modmap.datasets.write_cameras`).",
    rows=(
        Row(
            "calib_empty",
            lambda w: (w.category / "calib.xml").write_text(""),
            SIM3D,
            "{sim3d}/ball/calib.xml: expected an OpenCV FileStorage, found one that cannot be parsed",
        ),
        Row(
            "calib_text",
            lambda w: (w.category / "calib.xml").write_text("hello"),
            SIM3D,
            "{sim3d}/ball/calib.xml: expected an OpenCV FileStorage, found one that cannot be parsed",
        ),
        Row(
            "calib_cut",
            lambda w: cut(w.category / "calib.xml"),
            SIM3D,
            "{sim3d}/ball/calib.xml: expected an OpenCV FileStorage, found one that cannot be parsed",
        ),
        Row(
            "calib_other_xml",
            lambda w: (w.category / "calib.xml").write_text('<?xml version="1.0"?>\n<a><b>1</b></a>\n'),
            SIM3D,
            "{sim3d}/ball/calib.xml: expected an OpenCV FileStorage, found one that cannot be parsed",
        ),
        Row(
            "calib_no_matrix",
            _calib("mtxL", "mtxR"),
            SIM3D,
            "{sim3d}/ball/calib.xml: expected the camera matrix mtxL, found none",
        ),
        Row(
            "calib_matrix_is_number",
            lambda w: (w.category / "calib.xml").write_text(
                '<?xml version="1.0"?>\n<opencv_storage>\n<mtxL>3.</mtxL>\n</opencv_storage>\n'
            ),
            SIM3D,
            "{sim3d}/ball/calib.xml: expected mtxL, distL, wL and hL, found a broken one (...)",
        ),
        Row(
            "calib_rows_2",
            _calib("<rows>3</rows>", "<rows>2</rows>"),
            SIM3D,
            "{sim3d}/ball/calib.xml: expected mtxL, distL, wL and hL, found a broken one (...)",
        ),
        Row(
            "calib_bad_word",
            _calib("<rows>3</rows>", "<rows>x</rows>"),
            SIM3D,
            "{sim3d}/ball/calib.xml: expected mtxL, distL, wL and hL, found a broken one (...)",
        ),
        Row(
            "calib_size_word",
            _calib("<wL>80.</wL>", "<wL>wide</wL>"),
            SIM3D,
            "{sim3d}/ball/calib.xml: expected wL and hL in pixels, found no such numbers",
        ),
        Row(
            "pose_missing",
            lambda w: (w.category / "pose.txt").unlink(),
            SIM3D,
            "calibration: looked for cameras.json, or calib.xml and pose.txt, in {sim3d}/ball/ball_real, "
            "{sim3d}/ball, {sim3d}; found only {sim3d}/ball/calib.xml",
            0,
        ),
        Row(
            "pose_empty",
            lambda w: (w.category / "pose.txt").write_text(""),
            SIM3D,
            "{sim3d}/ball/pose.txt: expected one pose per line, found an empty file",
        ),
        Row(
            "pose_one_less",
            _poses(lambda lines: lines[:-1]),
            SIM3D,
            "{sim3d}/ball/pose.txt: expected 3 poses, one per view, found 2",
        ),
        Row(
            "pose_one_more",
            _poses(lambda lines: [*lines, lines[0]]),
            SIM3D,
            "{sim3d}/ball/pose.txt: expected 3 poses, one per view, found 4",
        ),
        Row(
            "pose_15_numbers",
            _poses(lambda lines: [lines[0].rsplit(" ", 1)[0], *lines[1:]]),
            SIM3D,
            "{sim3d}/ball/pose.txt: line 1: expected 16 numbers, found 15",
        ),
        Row(
            "pose_word",
            _poses(lambda lines: [lines[0], "R t", *lines[2:]]),
            SIM3D,
            "{sim3d}/ball/pose.txt: line 2: expected 16 numbers, found 'R t'",
        ),
        Row(
            "pose_nan",
            _poses(lambda lines: [" ".join(["nan"] * 16), *lines[1:]]),
            SIM3D,
            "{sim3d}/ball/calib.xml, {sim3d}/ball/pose.txt: view 00: T_camera_to_world: expected finite "
            "numbers, found [[nan, nan, nan, nan], [nan, nan, nan, nan], [nan, nan, nan, nan], [nan, nan, "
            "nan, nan]]",
        ),
        Row(
            "pose_no_rotation",
            _poses(lambda lines: [" ".join(["1"] * 16), *lines[1:]]),
            SIM3D,
            "{sim3d}/ball/calib.xml, {sim3d}/ball/pose.txt: view 00: T_camera_to_world: expected a rotation "
            "and a translation with last row 0 0 0 1, found |R R^T - 1| = 3, det R = 0, last row [1.0, 1.0, "
            "1.0, 1.0]",
        ),
        Row(
            "pose_bytes",
            lambda w: (w.category / "pose.txt").write_bytes(b"\xff\xfe\x00\x01"),
            SIM3D,
            "{sim3d}/ball/pose.txt: expected text, found other bytes",
        ),
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
        Row(
            "cameras_broken",
            lambda w: (w.category / "cameras.json").write_text("{"),
            SIM3D,
            "{sim3d}/ball/cameras.json: broken JSON at line 1, column 2: Expecting property name enclosed "
            "in double quotes",
        ),
        Row(
            "cameras_unknown_key",
            _cameras(lambda c: c.update(unit="mm")),
            SIM3D,
            "{sim3d}/ball/cameras.json: unit: unknown key; did you mean depth_unit?",
        ),
        Row(
            "cameras_view_key",
            _cameras(lambda c: c["views"]["00"].update(k=1)),
            SIM3D,
            "{sim3d}/ball/cameras.json: views.00.k: unknown key; known are K, size, T_world_to_camera, "
            "distortion",
        ),
        Row(
            "cameras_no_pose",
            _cameras(lambda c: c["views"]["00"].pop("T_world_to_camera")),
            SIM3D,
            "{sim3d}/ball/cameras.json: views.00.T_world_to_camera: this key is required, found none",
        ),
        Row(
            "cameras_bad_pose",
            _cameras(lambda c: c["views"]["00"].update(T_world_to_camera=[[1]])),
            SIM3D,
            "{sim3d}/ball/cameras.json: view 00: T_world_to_camera: expected a 4x4 matrix, found shape (1, 1)",
        ),
        Row(
            "cameras_unit",
            _cameras(lambda c: c.update(depth_unit="feet")),
            SIM3D,
            '{sim3d}/ball/cameras.json: depth_unit: expected "mm", "m", "0.1mm" or a positive number of '
            'millimetres per unit, from 1e-06 to 1e+06, found "feet"',
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
        Row(
            "sim3d_image_missing",
            lambda w: (w.category / "ball_real/rgb/001_2.png").unlink(),
            SIM3D,
            "{sim3d}/ball/ball_real: expected an image for every depth map, found 2 rgb/*_2.png and 3 "
            "depth/*.npy",
        ),
        Row(
            "sim3d_depth_missing",
            lambda w: (w.category / "ball_real/depth/001.npy").unlink(),
            SIM3D,
            "{sim3d}/ball/ball_real: expected an image for every depth map, found 3 rgb/*_2.png and 2 "
            "depth/*.npy",
        ),
        Row(
            "sim3d_no_image",
            lambda w: [path.unlink() for path in (w.category / "ball_real/rgb").iterdir()],
            SIM3D,
            "{sim3d}/ball/ball_real/rgb: expected files *_2.png, found nothing",
        ),
        Row(
            "sim3d_no_folder",
            lambda w: shutil.rmtree(w.category / "ball_real/rgb"),
            SIM3D,
            "{sim3d}/ball/ball_real: expected at least one scan at or below it (scan.json or transforms.json, or folders depth "
            "and rgb, or DEPTH and RGB), found none",
        ),
        Row(
            "sim3d_other_names",
            lambda w: (w.category / "ball_real/depth/001.npy").rename(
                w.category / "ball_real/depth/0015.npy"
            ),
            SIM3D,
            "{sim3d}/ball/ball_real: 3 views, rgb/*_2.png with depth/*.npy, paired by position, because "
            "names differ: 001_2.png with 002.npy",
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


def _transforms(change: Callable[[Any], object]) -> Callable[[Workspace], object]:
    """The scan's views in a transforms.json, in place of its scan.json."""

    def spoil(w: Workspace) -> None:
        scan = json.loads((w.scan / "scan.json").read_text())
        flip = np.diag([1, -1, -1, 1])
        frames = [
            {
                "file_path": view["image"],
                "depth_file_path": view["depth"],
                "transform_matrix": (np.linalg.inv(view["T_world_to_camera"]) @ flip).tolist(),
            }
            for view in scan["views"]
        ]
        record = {"fl_x": 80.0, "w": 80, "h": 60, "depth_unit": "mm", "pose_unit": "mm", "frames": frames}
        change(record)
        (w.scan / "scan.json").unlink()
        (w.scan / "transforms.json").write_text(json.dumps(record))

    return spoil


TRANSFORMS = Fault(
    "A transforms.json that can't be used",
    means="Every frame needs a depth map, a pose of 4x4 numbers and, of its own or of the file, a focal length in pixels. The "
    "camera is a pinhole with OpenCV's lens at most.",
    do="Export the depth maps too, and undistort fisheye images. The page of the quick start says what is read.",
    rows=(
        Row("transforms_whole", _transforms(lambda record: None), CHECK, "", 0),
        Row(
            "transforms_photographs",
            _transforms(lambda record: record["frames"][2].pop("depth_file_path")),
            CHECK,
            "{scan}/transforms.json: frames.2.depth_file_path: expected the view's depth map, found none",
        ),
        Row(
            "transforms_focal",
            _transforms(lambda record: record.pop("fl_x")),
            CHECK,
            "{scan}/transforms.json: frames.0: expected fl_x, or camera_angle_x and w, found neither",
        ),
        Row(
            "transforms_pose",
            _transforms(
                lambda record: record["frames"][0].update(transform_matrix=[[1, 0, 0], [0, 1, 0], [0, 0, 1]])
            ),
            CHECK,
            "{scan}/transforms.json: frames.0.transform_matrix: expected a 4x4 or a 3x4 matrix, found 3x3",
        ),
        Row(
            "transforms_fisheye",
            _transforms(lambda record: record.update(camera_model="OPENCV_FISHEYE")),
            CHECK,
            "{scan}/transforms.json: expected a camera of OpenCV's pinhole model, found one of the fisheye model, ...",
        ),
        Row(
            "transforms_k4",
            _transforms(lambda record: record.update(k4=0.5)),
            CHECK,
            "{scan}/transforms.json: frames.0: k4: expected 0, as OpenCV's fourth coefficient is another, found 0.5",
        ),
    ),
)

SUBJECT = Subject("Cameras", (MATRICES, FILES, FOLDERS, TRANSFORMS))
