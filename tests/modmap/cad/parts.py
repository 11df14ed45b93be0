"""Parts whose depth has a closed form, as meshes and as scans of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import trimesh

from modmap.scan import Camera, Scan, View
from tests.synthetic_scans import ball_depth, intrinsics, look_at, rays

Array = npt.NDArray[Any]

WIDTH, HEIGHT = 96, 72
# Middles and radii, mm: no turn and no mirror takes these to themselves.
BALLS = (
    ((0.0, 0.0, 0.0), 40.0),
    ((45.0, 5.0, 10.0), 22.0),
    ((-10.0, 38.0, 18.0), 16.0),
    ((5.0, -20.0, 36.0), 12.0),
)


def cameras(count: int = 4) -> list[Camera]:
    """A ring that looks down on the origin."""
    found = []
    for angle in 2 * np.pi * np.arange(count) / count:
        place = 300 * np.array([np.cos(angle), np.sin(angle), 0.8]) / np.hypot(1, 0.8)
        found.append(
            Camera(
                intrinsics(WIDTH, HEIGHT, focal=1.5 * WIDTH),
                look_at(place, np.zeros(3)),
                size=(WIDTH, HEIGHT),
            )
        )
    return found


def balls_depth(camera: Camera, balls: tuple[Any, ...] = BALLS) -> Array:
    """(H, W) float32 planar depth of several balls: of the nearest at each pixel."""
    each = [
        ball_depth(camera, WIDTH, HEIGHT, centre=np.array(middle), radius=radius) for middle, radius in balls
    ]
    nearest = np.min([np.where(one > 0, one, np.inf) for one in each], axis=0)
    return np.where(np.isfinite(nearest), nearest, 0).astype(np.float32)


def balls_scan(name: str = "balls", *, views: int = 4, dent: str | None = None) -> Scan:
    """A scan of the balls; of one view, the middle is pressed in by 12 mm."""
    made = []
    for index, camera in enumerate(cameras(views)):
        depth = balls_depth(camera)
        _, directions = rays(camera, WIDTH, HEIGHT)
        slope = np.hypot(*np.gradient(depth)) * (depth > 0)
        image = np.where(depth > 0, 220 / (1 + np.minimum(slope, 5)) / np.linalg.norm(directions, axis=-1), 0)
        view = View(f"{index:02d}", image=image.astype(np.uint8), depth=depth, camera=camera)
        if view.id == dent:
            pressed = depth.copy()
            pressed[30:42, 42:54] += 12
            view = replace(view, depth=pressed)
        made.append(view)
    return Scan(name, made)


def balls_mesh(motion: Array | None = None) -> trimesh.Trimesh:
    """The balls as triangles, moved."""
    each = []
    for middle, radius in BALLS:
        ball = trimesh.creation.icosphere(subdivisions=4, radius=radius)
        ball.apply_translation(middle)
        each.append(ball)
    whole = trimesh.util.concatenate(each)
    if motion is not None:
        whole.apply_transform(motion)
    return whole


def write_balls(path: Path, motion: Array | None = None) -> Path:
    """A file of the balls, moved."""
    balls_mesh(motion).export(path)
    return path
