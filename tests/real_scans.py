"""Scans of real sensors, from the public data sets that tests/README.md describes.

Tests that use them carry the mark `shared`; where the data is not on disk they are skipped, by name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.transform import Rotation

from modmap.scan import Camera, Scan, View

Array = npt.NDArray[Any]

AMAZONBIN_LIMIT_MM = 1000.0


def sensor_data(name: str) -> Path:
    """The directory of one data set; skips the test where it is not on disk."""
    default = Path(__file__).parents[2] / "shared" / "data"
    directory = Path(os.environ.get("MODMAP_SENSOR_DATA", default)) / name
    if not directory.is_dir():
        pytest.skip(
            f"sensor data set {name} is not on disk (MODMAP_SENSOR_DATA names the folder of the data sets)"
        )
    return directory


def sokrates_scan() -> Scan:
    """Twelve views of a plaster bust, a closed ring; depth by multi-view stereo, in whole millimetres."""
    directory = sensor_data("sokrates_mvs")
    K = np.loadtxt(directory / "intrinsics.txt", max_rows=3)
    views: list[View] = []
    for number, tx, ty, tz, *quaternion in np.loadtxt(directory / "pose.txt"):
        image = directory / f"color{int(number):06d}.png"
        if not image.is_file():
            continue
        pose = np.eye(4)
        pose[:3, :3] = Rotation.from_quat(quaternion).as_matrix()
        pose[:3, 3] = np.array([tx, ty, tz]) * 1000
        depth = directory / f"depth{int(number):06d}.png"
        camera = Camera.from_camera_to_world(K, pose)
        views.append(View(f"{len(views):02d}", image=image, depth=depth, camera=camera))
    return Scan("sokrates", views=views, category="bust", anomalous=False, root=directory)


def amazonbin_scan(capture: Literal["A", "B"]) -> Scan:
    """Fourteen views of a bin by a depth camera; A and B are adjacent frames of the same viewpoints."""
    directory = sensor_data("amazonbin_realsense")
    K = np.loadtxt(directory / "intrinsics.K.txt")
    frames = sorted(directory.glob("frame-*.pose.txt"))["AB".index(capture) :: 2]
    views = []
    for index, pose_file in enumerate(frames):
        stem = pose_file.name.removesuffix(".pose.txt")
        pose = np.loadtxt(pose_file)
        pose[:3, 3] *= 1000
        views.append(
            View(
                f"{index:02d}",
                image=directory / f"{stem}.color.png",
                depth=directory / f"{stem}.depth.png",
                camera=Camera.from_camera_to_world(K, pose),
                depth_limit=AMAZONBIN_LIMIT_MM,
            )
        )
    return Scan(f"amazonbin_{capture}", views=views, category="bin", anomalous=False, root=directory)
