"""The surface that a view measured: points and normals for every pixel, and where they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from modmap.alignment.motion import dot, length
from modmap.camera import Camera
from modmap.scan import Frame
from modmap.types import Array

GRAZING = 0.2  # cosine of incidence under which a normal says little
WHOLE = 0.999  # share of the four pixels around a place that must be smooth surface: all, but for rounding
STEEPEST = 6.0  # pixels' footprints that the depth may change between neighbours: about 80 degrees


@dataclass(frozen=True, eq=False)
class ViewSurface:
    """One view's surface in the world.

    Attributes:
        camera: The view's.
        depth: (H, W) float32, mm, 0 where there is no part.
        points: (H, W, 3) float32 world points; what they are where `depth` is 0 doesn't matter.
        normals: (H, W, 3) float32 unit normals that face the camera; zero where there is none.
        cosine: (H, W) float32 of incidence, 0 where there is no normal.
    """

    camera: Camera
    depth: Array
    points: Array
    normals: Array
    cosine: Array

    @property
    def smooth(self) -> Array:
        """(H, W) bool: a normal is known, and the surface isn't grazed."""
        return np.asarray(self.cosine > GRAZING)


def view_surface(frame: Frame, mask: Array) -> ViewSurface:
    """The surface of a view's part.

    A normal is that of the points two pixels apart along both axes; there is none beside a jump or a hole.

    Args:
        frame: The view, with a camera.
        mask: (H, W) bool, the part.
    """
    camera = frame.camera
    assert camera is not None
    depth = np.where(mask, frame.depth, 0).astype(np.float32)
    height, width = depth.shape
    rays = pixel_rays(camera, (height, width))
    local = rays * depth[..., None]
    across, down = _central(local, depth, camera, axis=1), _central(local, depth, camera, axis=0)
    normals = np.cross(across, down)
    size = length(normals)[..., None]
    normals = np.divide(normals, size, out=np.zeros_like(normals), where=size > 0)
    # Towards the camera, which is at the origin here.
    towards = -local / np.maximum(length(local)[..., None], 1e-6)
    cosine = dot(normals, towards)
    normals *= np.sign(cosine)[..., None]
    rotation = camera.T_camera_to_world[:3, :3].astype(np.float32)
    return ViewSurface(
        camera=camera,
        depth=depth,
        points=local @ rotation.T + camera.centre.astype(np.float32),
        normals=normals @ rotation.T,
        cosine=np.abs(cosine).astype(np.float32),
    )


def pixel_rays(camera: Camera, shape: tuple[int, int]) -> Array:
    """(H, W, 3) float32: the point of each pixel at depth 1, camera frame; not to be written to."""
    distortion = None if camera.distortion is None else camera.distortion.tobytes()
    return _rays(camera.K.tobytes(), distortion, shape)


@lru_cache(maxsize=2)  # one camera looks from all viewpoints
def _rays(intrinsics: bytes, distortion: bytes | None, shape: tuple[int, int]) -> Array:
    K = np.frombuffer(intrinsics).reshape(3, 3)
    camera = Camera(K, np.eye(4), distortion=None if distortion is None else np.frombuffer(distortion))
    height, width = shape
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    rays = camera.back_project(np.stack([columns.ravel(), rows.ravel()], axis=1), np.ones(height * width))
    found = rays.reshape(height, width, 3).astype(np.float32)
    found.flags.writeable = False
    return found


def _central(local: Array, depth: Array, camera: Camera, *, axis: int) -> Array:
    """(H, W, 3) difference of the two neighbours along an axis; zero where one is missing or lies beyond a jump."""
    before, after = np.roll(local, 1, axis=axis), np.roll(local, -1, axis=axis)
    z_before, z_after = np.roll(depth, 1, axis=axis), np.roll(depth, -1, axis=axis)
    focal = float(camera.K[0, 0])
    known = (depth > 0) & (z_before > 0) & (z_after > 0)
    known &= np.abs(z_after - z_before) <= 2 * STEEPEST * depth / focal
    edge = [slice(None), slice(None)]
    edge[axis] = [0, -1]  # type: ignore[call-overload]
    known[tuple(edge)] = False
    return np.asarray(np.where(known[..., None], after - before, 0))


def eroded(mask: Array, pixels: int) -> Array:
    """A mask without its outermost pixels."""
    kernel = np.ones((2 * pixels + 1,) * 2, np.uint8)
    return np.asarray(cv2.erode(mask.astype(np.uint8), kernel, borderValue=0) > 0)
