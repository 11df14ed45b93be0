"""Poses as nerfstudio and others write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.bad_inputs.row_makers import CHECK
from tests.bad_inputs.table import Fault, Row
from tests.bad_inputs.workspace import Workspace


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

FAULTS = (TRANSFORMS,)
