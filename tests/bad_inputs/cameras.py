"""Cameras as scan.json gives them: matrices, poses, distortions and sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.bad_inputs.row_makers import CHECK, FileRows, Make, key
from tests.bad_inputs.table import Fault, Row
from tests.bad_inputs.workspace import GONE, Workspace, edit

_SCAN = FileRows("{scan}/scan.json", CHECK)
_MATRIX = _SCAN.saying(
    "views.0: K: expected [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] with positive fx and fy, found "
)
_POSE = _SCAN.saying(
    "views.0: T_world_to_camera: expected a rotation and a translation with last row 0 0 0 1, found "
)
_SIZE = FileRows("{scan}/scan.json", CHECK, "view 00: K belongs to another image size: ")
HALF_TURN = [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 900], [0, 0, 0, 1]]


def _views(**values: Any) -> Make:
    return lambda w: edit(w.scan / "scan.json", lambda scan: scan["views"][0].update(values))


def _pose(change: Callable[[np.ndarray[Any, Any]], object]) -> Make:
    def spoil(w: Workspace) -> None:
        def changed(scan: Any) -> None:
            pose = np.array(scan["views"][0]["T_world_to_camera"])
            change(pose)
            scan["views"][0]["T_world_to_camera"] = pose.tolist()

        edit(w.scan / "scan.json", changed)

    return spoil


MATRICES = Fault(
    "A camera that can't be",
    means="`K` is [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] in pixels, the pose a rotation and a translation in four rows "
    "of four, and a distortion has as many coefficients as OpenCV's models have.",
    do="Take the numbers from the calibration as it was written: rows before columns, the pose from world to camera, or "
    "`T_camera_to_world` for the other way round. A fisheye model's coefficients aren't OpenCV's k1 k2 p1 p2.",
    rows=(
        _SCAN.key(
            "camera_k_two_rows",
            "views/0/K",
            [[100, 0, 40], [0, 100, 30]],
            "views.0: K: expected a 3x3 matrix, found shape (2, 3)",
        ),
        _SCAN.key(
            "camera_k_ragged",
            "views/0/K",
            [[100, 0, 40], [0, 100], [0, 0, 1]],
            "views.0: K: expected numbers, found [[100.0, 0.0, 40.0], [0.0, 100.0], [0.0, 0.0, 1.0]]",
        ),
        _SCAN.key(
            "camera_k_words",
            "views/0/K",
            [["a", 0, 40], [0, 100, 30], [0, 0, 1]],
            'views.0.K.0.0: expected a valid number, unable to parse string as a number, found "a"',
        ),
        _SCAN.key(
            "camera_k_flat",
            "views/0/K",
            [100, 0, 40, 0, 100, 30, 0, 0, 1],
            "views.0.K.0: expected a valid list, found 100 (and 8 more)",
        ),
        _MATRIX.key(
            "camera_k_zero",
            "views/0/K",
            [[0, 0, 40], [0, 100, 30], [0, 0, 1]],
            "[[0.0, 0.0, 40.0], [0.0, 100.0, 30.0], [0.0, 0.0, 1.0]]",
        ),
        _MATRIX.key(
            "camera_k_mirrored",
            "views/0/K",
            [[-100, 0, 40], [0, 100, 30], [0, 0, 1]],
            "[[-100.0, 0.0, 40.0], [0.0, 100.0, 30.0], [0.0, 0.0, 1.0]]",
        ),
        _MATRIX.key(
            "camera_k_last_row",
            "views/0/K",
            [[100, 0, 40], [0, 100, 30], [0, 0, 2]],
            "[[100.0, 0.0, 40.0], [0.0, 100.0, 30.0], [0.0, 0.0, 2.0]]",
        ),
        _MATRIX.key(
            "camera_k_transposed",
            "views/0/K",
            [[100, 0, 0], [0, 100, 0], [40, 30, 1]],
            "[[100.0, 0.0, 0.0], [0.0, 100.0, 0.0], [40.0, 30.0, 1.0]]",
        ),
        _SCAN.key("camera_k_empty", "views/0/K", [], "views.0: K: expected a 3x3 matrix, found shape (0,)"),
        _SCAN(
            "camera_skew_and_distortion",
            _views(K=[[100, 2, 40], [0, 100, 30], [0, 0, 1]], distortion=[0.1, 0, 0, 0]),
            "views.0: K: expected no skew beside a distortion (OpenCV's model has none), found 2",
        ),
        _POSE(
            "camera_pose_mirrored",
            _pose(lambda pose: np.negative(pose[0], out=pose[0])),
            "|R R^T - 1| = 1.96e-17, det R = -1, last row [0.0, 0.0, 0.0, 1.0]",
        ),
        _POSE(
            "camera_pose_scaled",
            _pose(lambda pose: np.multiply(pose[:3, :3], 2, out=pose[:3, :3])),
            "|R R^T - 1| = 3, det R = 8, last row [0.0, 0.0, 0.0, 1.0]",
        ),
        _POSE(
            "camera_pose_last_row",
            _pose(lambda pose: np.copyto(pose[3], 1)),
            "|R R^T - 1| = 1.96e-17, det R = 1, last row [1.0, 1.0, 1.0, 1.0]",
        ),
        _SCAN.key(
            "camera_pose_3x4",
            "views/0/T_world_to_camera",
            HALF_TURN[:3],
            "views.0: T_world_to_camera: expected a 4x4 matrix, found shape (3, 4)",
        ),
        _SCAN.key(
            "camera_pose_empty",
            "views/0/T_world_to_camera",
            [],
            "views.0: T_world_to_camera: expected a 4x4 matrix, found shape (0,)",
        ),
        _SCAN.key(
            "camera_two_poses",
            "views/0/T_camera_to_world",
            HALF_TURN,
            "views.0: expected T_world_to_camera or T_camera_to_world, found both",
        ),
        _SCAN.key(
            "camera_distortion_3",
            "views/0/distortion",
            [0.1, 0, 0],
            "views.0: distortion: expected 4, 5, 8, 12, 14 finite OpenCV coefficients, found [0.1, 0.0, 0.0]",
        ),
        _SCAN.key(
            "camera_distortion_empty",
            "views/0/distortion",
            [],
            "views.0: distortion: expected 4, 5, 8, 12, 14 finite OpenCV coefficients, found []",
        ),
        _SCAN.value(
            "camera_distortion_words",
            "views/0/distortion",
            "fisheye",
            'expected a valid list, found "fisheye"',
        ),
        _SCAN.key(
            "camera_model_fisheye",
            "views/0/model",
            "fisheye",
            "views.0: expected a camera of OpenCV's pinhole model, found one of the fisheye model, which isn't supported: undistort images and depth maps, and give the K of the result, found ...",
        ),
        _SCAN.key(
            "camera_size_zero",
            "views/0/K_size",
            [0, 60],
            "views.0: size: expected a width and a height of 1 and more, found (0, 60)",
        ),
        _SCAN.value(
            "camera_size_three",
            "views/0/K_size",
            [80, 60, 1],
            "tuple should have at most 2 items after validation, not 3, found [80, 60, 1]",
        ),
        _SCAN.key(
            "camera_size_half",
            "views/0/K_size",
            [80.5, 60],
            "views.0.K_size.0: expected a valid integer, got a number with a fractional part, found 80.5",
        ),
        _SIZE.key(
            "camera_size_other_aspect",
            "views/0/K_size",
            [60, 80],
            "expected 80x60 (the image's) or a scaled version of it, found 60x80",
        ),
        _SIZE(
            "camera_centre_outside",
            _views(K_size=None, K=[[100, 0, 4000], [0, 100, 30], [0, 0, 1]]),
            "its principal point (4000.0, 30.0) is outside the 80x60 image",
        ),
        Row(
            "camera_missing",
            key("{scan}/scan.json", "views/0/K", GONE),
            CHECK,
            "camera of view 00: scan.json gives it no K",
            0,
        ),
        Row(
            "camera_missing_at_fit",
            key("{scan}/scan.json", "views/0/K", GONE),
            "modmap fit {scan} -o {new}",
            "scan ball: evidence: expected a camera for every view, by which scans are laid on the nominal one, found none for view 00 (scan.json gives it no K); preset fast needs none",
        ),
    ),
)

FAULTS = (MATRICES,)
