"""A block with three steps, scanned from a ring of cameras above it: depth in closed form, with noise of its own."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from modmap.camera import Camera
from modmap.scan import Scan, View
from tests.synthetic_scans import intrinsics, look_at, rays

Array = npt.NDArray[Any]

# Low and high corners, mm: no turn lays the part on itself.
BLOCKS = (
    ((-60.0, -45.0, 0.0), (60.0, 45.0, 20.0)),
    ((-60.0, -45.0, 20.0), (-25.0, 10.0, 32.0)),
    ((30.0, 5.0, 20.0), (60.0, 45.0, 27.0)),
)
TOP = 20.0
LIGHT = np.array([0.3, -0.2, 0.93])
SETTINGS = {"inference": {"voxel": 2.5}}
GEOMETRY = {**SETTINGS, "evidence": {"appearance": False, "texture": False, "memory": False}}


def cameras(views: int, *, width: int, elevation: float = 60.0) -> list[Camera]:
    """A ring of cameras 300 mm from the block."""
    height = width * 3 // 4
    up = np.radians(elevation)
    found = []
    for angle in np.arange(views) * 2 * np.pi / views:
        place = 300 * np.array([np.cos(up) * np.cos(angle), np.cos(up) * np.sin(angle), np.sin(up)])
        K = intrinsics(width, height, focal=1.7 * width)
        found.append(Camera(K, look_at(place, np.array([0, 0, 10.0])), size=(width, height)))
    return found


def block_depth(camera: Camera) -> tuple[Array, Array]:
    """(H, W) float64 planar depth, infinite beside the block, and (H, W, 3) normals of the faces."""
    assert camera.size is not None
    origin, directions = rays(camera, *camera.size)
    depth = np.full(directions.shape[:2], np.inf)
    normals = np.zeros(directions.shape)
    for low, high in BLOCKS:
        with np.errstate(divide="ignore", invalid="ignore"):
            one, other = ((np.array(corner) - origin) / directions for corner in (low, high))
        first, last = np.minimum(one, other), np.maximum(one, other)
        enters, leaves = first.max(axis=2), last.min(axis=2)
        here = (enters <= leaves) & (enters > 0) & (enters < depth)
        depth[here] = enters[here]
        axis = first.argmax(axis=2)
        facing = np.eye(3)[axis] * -np.sign(np.take_along_axis(directions, axis[..., None], 2))
        normals[here] = facing[here]
    return depth, normals


def plate_scan(
    name: str, *, seed: int, views: int = 4, width: int = 160, noise: float = 0.05, grain: float = 4.0
) -> Scan:
    """A scan of the block.

    Args:
        name: The scan's.
        seed: Of its noise.
        views: How many cameras.
        width: Of the images, pixels.
        noise: Of the depth, mm.
        grain: Of the image, gray levels.
    """
    rng = np.random.default_rng([seed, views, width])
    made = []
    for index, camera in enumerate(cameras(views, width=width)):
        depth, normals = block_depth(camera)
        on = np.isfinite(depth)
        measured = np.where(on, depth + rng.normal(0, noise, depth.shape), 0).astype(np.float32)
        texture = cv2.GaussianBlur(rng.standard_normal(depth.shape), (0, 0), 1.0)
        gray = 30 + 140 * np.clip(normals @ LIGHT, 0, 1) + grain * texture / texture.std()
        image = np.where(on, gray, 8).clip(0, 255).astype(np.uint8)
        made.append(View(f"{index:02d}", image=image, depth=measured, camera=camera))
    return Scan(name, views=made)
