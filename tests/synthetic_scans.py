"""Small scans of a ball and a plane, their depth from the closed form and nothing of the package but its types."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.scan import Camera, Scan, View

Array = npt.NDArray[Any]


def intrinsics(width: int, height: int, *, focal: float) -> Array:
    """(3, 3) K with the principal point in the middle of the image."""
    return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1.0]])


def look_at(position: Array, target: Array, *, up: tuple[float, float, float] = (0, 0, 1)) -> Array:
    """(4, 4) world-to-camera of a camera at `position` whose axis goes through `target`."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, up)
    right = right / np.linalg.norm(right)
    down = np.cross(forward, right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, down, forward])
    pose[:3, 3] = -pose[:3, :3] @ position
    return pose


def rays(camera: Camera, width: int, height: int) -> tuple[Array, Array]:
    """The camera's place, and (H, W, 3) world directions whose z in the camera frame is 1."""
    v, u = np.mgrid[:height, :width]
    local = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(camera.K).T
    rotation, translation = camera.T_world_to_camera[:3, :3], camera.T_world_to_camera[:3, 3]
    return -rotation.T @ translation, local @ rotation


def ball_depth(camera: Camera, width: int, height: int, *, centre: Array, radius: float) -> Array:
    """(H, W) float32 planar depth of a ball; 0 beside it. |o + t d - c| = r, solved for the nearer t."""
    origin, directions = rays(camera, width, height)
    a = (directions**2).sum(axis=-1)
    b = directions @ (origin - centre)
    c = ((origin - centre) ** 2).sum() - radius**2
    discriminant = b**2 - a * c
    t = (-b - np.sqrt(np.maximum(discriminant, 0))) / a
    return np.where(discriminant > 0, t, 0).astype(np.float32)


def plane_depth(camera: Camera, width: int, height: int, *, normal: Array, offset: float) -> Array:
    """(H, W) float32 planar depth of the plane n . x = offset; 0 where the ray does not meet it."""
    origin, directions = rays(camera, width, height)
    with np.errstate(divide="ignore"):
        t = (offset - normal @ origin) / (directions @ normal)
    return np.where(t > 0, t, 0).astype(np.float32)


def ball_scan(
    *, views: int = 6, width: int = 64, height: int = 48, radius: float = 60.0, distance: float = 300.0
) -> Scan:
    """A scan of a ball at the origin from a ring of cameras, in memory; the image is the cosine of incidence."""
    K = intrinsics(width, height, focal=float(width))
    ring = []
    for index in range(views):
        angle = 2 * np.pi * index / views
        place = distance * np.array([np.cos(angle), np.sin(angle), 0.4]) / np.hypot(1, 0.4)
        camera = Camera(K, look_at(place, np.zeros(3)), size=(width, height))
        depth = ball_depth(camera, width, height, centre=np.zeros(3), radius=radius)
        origin, directions = rays(camera, width, height)
        normals = (origin + depth[..., None] * directions) / radius
        cosine = -(normals * directions).sum(axis=-1) / np.linalg.norm(directions, axis=-1)
        image = np.where(depth > 0, 255 * cosine.clip(0, 1), 20).astype(np.uint8)
        ring.append(View(f"{index:02d}", image=image, depth=depth, camera=camera))
    return Scan("ball", views=ring, category="balls", anomalous=False)
