"""How long FPFH of a depth map takes, against open3d at every pixel: `python -m benchmarks.features.fpfh_speed`.

The depth map is a wavy sheet with the sensor's noise that fills the view, which is the most that a view can hold. What
counts is the CPU time of the whole process, all threads together: what one core would take. open3d at every pixel is
measured on a smaller view, with as many neighbours, and both are given for a million pixels.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.features.fpfh import (
    FEATURE_VOXELS,
    MOST_NEIGHBOURS,
    NORMAL_VOXELS,
    FPFHFeatures,
    camera_points,
    pixel_features,
)
from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_report
from benchmarks.runs.markdown import markdown
from modmap.scan import Camera, Frame

DISTANCE, WAVES, NOISE = 300.0, 20.0, 0.05  # mm
EVERY_PIXEL = "open3d at every pixel"


@dataclass(frozen=True)
class Arguments:
    """Measure CPU seconds for a million pixels."""

    width: int = 1152
    """Of the view, pixels; its height is three quarters of that."""
    small_width: int = 144
    """The same, of the view in which every pixel is described."""
    grids: tuple[int, ...] = (16, 32, 64)
    """Tokens along a side."""
    turns: int = 2
    """How often each way is run, in turns; its fastest counts."""
    out: Path = Path("results/fpfh_speed")
    """Where table.md and results.json go."""


def run(arguments: Arguments) -> int:
    """Measures every way and prints the table."""
    view, small = sheet(arguments.width), sheet(arguments.small_width)
    ways: dict[str, tuple[Frame, Callable[[], Any]]] = {
        EVERY_PIXEL: (small, lambda: every_pixel(small)),
    }
    for grid in arguments.grids:
        ways[f"tokens, {grid} along a side"] = (view, partial(FPFHFeatures(grid).tokens, view))
    for grid in arguments.grids:
        voxel = FPFHFeatures(grid).voxel(view, view.depth > 0)
        ways[f"the same points, spread to every pixel, {grid}"] = (
            view,
            partial(pixel_features, view, view.depth > 0, voxel=voxel),
        )
    seconds = dict.fromkeys(ways, float("inf"))
    for _ in range(arguments.turns):
        for name, (_, work) in ways.items():
            begun = time.process_time()
            work()
            seconds[name] = min(seconds[name], time.process_time() - begun)
    found = {
        name: {
            "pixels": frame.depth.size,
            "cpu_seconds": seconds[name],
            "cpu_seconds_a_megapixel": seconds[name] / frame.depth.size * 1e6,
        }
        for name, (frame, _) in ways.items()
    }
    slowest = found[EVERY_PIXEL]["cpu_seconds_a_megapixel"]
    rows = [
        [
            name,
            f"{row['pixels']:,}",
            f"{row['cpu_seconds']:.2f}",
            f"{row['cpu_seconds_a_megapixel']:.2f}",
            f"{slowest / row['cpu_seconds_a_megapixel']:.0f}x",
        ]
        for name, row in found.items()
    ]
    header = ["FPFH", "pixels", "CPU s per view", "CPU s for 1 Mpx", "against every pixel"]
    write_report(arguments.out, found, markdown(header, rows))
    return 0


def sheet(width: int) -> Frame:
    """A wavy sheet that fills a view of so many pixels by three quarters of them."""
    height = width * 3 // 4
    v, u = np.mgrid[:height, :width] / width
    noise = np.random.default_rng(0).normal(0, NOISE, u.shape)
    depth = (DISTANCE + WAVES * np.sin(20 * u) * np.cos(24 * v) + noise).astype(np.float32)
    K = np.array([[width, 0, (width - 1) / 2], [0, width, (height - 1) / 2], [0, 0, 1.0]])
    camera = Camera(K, np.eye(4), size=(width, height))
    return Frame("00", np.zeros(depth.shape, np.uint8), depth, camera)


def every_pixel(frame: Frame) -> Any:
    """(33, M) open3d's FPFH of every pixel's own point, of its neighbours within five pixels."""
    import open3d as o3d

    assert frame.camera is not None
    pixel = DISTANCE / frame.camera.K[0, 0]
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(camera_points(frame, frame.depth > 0)))
    cloud.estimate_normals(o3d.geometry.KDTreeSearchParamHybrid(NORMAL_VOXELS * pixel, 30))
    cloud.orient_normals_towards_camera_location(np.zeros(3))
    around = o3d.geometry.KDTreeSearchParamHybrid(FEATURE_VOXELS * pixel, MOST_NEIGHBOURS)
    return o3d.pipelines.registration.compute_fpfh_feature(cloud, around).data  # type: ignore[call-arg]


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.features.fpfh_speed", words=words)


if __name__ == "__main__":
    sys.exit(main())
