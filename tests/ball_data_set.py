"""A data set of SiM3D's shape that takes a second to evaluate: balls, some with a square pushed in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from modmap.datasets import GroundTruth, write_cameras, write_ground_truth
from modmap.scan import Scan
from modmap.volume import VoxelGrid
from tests.sim3d_directories import FAR, write_exr
from tests.synthetic_scans import ball_scan

Array = npt.NDArray[Any]

VOXEL = 4.0
VIEWS = 3


def write_ball_category(
    root: Path, name: str, *, radius: float, good: int = 2, bad: int = 2, seed: int = 0
) -> Path:
    """A nominal scan, the same rendered, `good` nominal test scans and `bad` with a defect of 20 mm."""
    rng = np.random.default_rng(seed)
    write_ball(root / name / f"{name}_real", radius=radius, rng=rng)
    write_rendered(root / name / f"{name}_synth", radius=radius)
    for index in range(good + bad):
        defective = index >= good
        directory = root / name / f"{name}_{index:02d}{'_bad' if defective else ''}"
        write_ball(directory, radius=radius, rng=rng, defective=defective, truth=True)
    return root / name


def write_ball(
    directory: Path, *, radius: float, rng: np.random.Generator, defective: bool = False, truth: bool = False
) -> None:
    """One scan; the image has noise of its own."""
    scan = ball_scan(views=VIEWS, width=80, height=60, radius=radius)
    views, points = [], np.zeros((0, 3))
    for view in scan.views:
        image, depth = np.array(view.image), np.array(view.depth)
        image = np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)
        if defective and view.id == "00":
            image[25:35, 35:45] = rng.integers(0, 256, (10, 10))
            depth[25:35, 35:45] += 20
            v, u = np.mgrid[25:35, 35:45].reshape(2, -1)
            assert view.camera is not None
            points = view.camera.back_project(np.stack([u, v], axis=1), depth[v, u])
        views.append(replace(view, image=image, depth=depth))
    write_scanned(replace(scan, views=tuple(views)), directory)
    if truth:
        grid = VoxelGrid(np.full(3, -100.0), VOXEL, (50, 50, 50))
        mask = np.zeros(grid.shape, dtype=bool)
        index, _ = grid.index(points)
        mask[tuple(index.T)] = True
        write_ground_truth(directory / "gt.npz", GroundTruth(mask, origin=grid.origin, voxel=VOXEL))
        record = {
            "kind": "dent",
            "centre_mm": points.mean(axis=0).tolist() if len(points) else None,
            "size_mm": 12.0,
            "depth_mm": 20.0,
            "modality": "both",
            "views": 1,
        }
        (directory / "defects.json").write_text(json.dumps([record] if defective else []))


def write_rendered(directory: Path, *, radius: float) -> None:
    """The nominal ball as a renderer writes it: no noise, EXR depth."""
    scan = ball_scan(views=VIEWS, width=80, height=60, radius=radius)
    (directory / "DEPTH").mkdir(parents=True)
    (directory / "RGB").mkdir()
    for view in scan.views:
        depth = np.asarray(view.depth, dtype=np.float32)
        write_exr(
            directory / "DEPTH" / f"{view.id}_depth.exr", np.where(depth > 0, depth, FAR).astype(np.float32)
        )
        Image.fromarray(np.asarray(view.image)).save(directory / "RGB" / f"{view.id}_2.png")
    write_cameras(
        directory / "cameras.json", {view.id: view.camera for view in scan.views if view.camera is not None}
    )


def write_scanned(scan: Scan, directory: Path) -> None:
    """SiM3D's layout with `cameras.json`."""
    (directory / "depth").mkdir(parents=True)
    (directory / "rgb").mkdir()
    for view in scan.views:
        depth = np.asarray(view.depth, dtype=np.float32)
        np.save(directory / "depth" / f"{view.id}.npy", np.where(depth > 0, depth, np.inf))
        Image.fromarray(np.asarray(view.image)).save(directory / "rgb" / f"{view.id}_2.png")
    cameras = {view.id: view.camera for view in scan.views if view.camera is not None}
    write_cameras(directory / "cameras.json", cameras)
