"""From what a camera measured to what an encoder takes: gray images and depth maps, normalised (Sec. 4)."""

from __future__ import annotations

import numpy as np

from modmap.alignment.surface import view_surface
from modmap.errors import ModMapError
from modmap.scan import Frame
from modmap.types import Array

IMAGE_MEAN, IMAGE_STD = 0.445, 0.269
NEAREST_DEPTH_VALUE = 0.1
NO_NORMAL = 0.5


def normalise_image(image: Array) -> Array:
    """An image (H, W) or (H, W, C) over its maximum, then mean 0.445 and standard deviation 0.269; float32."""
    scaled = image.astype(np.float32)
    scaled /= max(float(image.max()), 1.0)
    scaled -= IMAGE_MEAN
    scaled /= IMAGE_STD
    return scaled


def normalise_depth(depth: Array, shown: Array | None = None) -> Array:
    """Depth over its maximum, in [0, 1], holes 0; float32.

    Args:
        depth: (H, W) of the whole view.
        shown: (h, w) of its values that are asked for; None for all.
    """
    shown = depth if shown is None else shown
    return np.asarray(shown / max(float(depth.max()), np.finfo(np.float32).tiny), dtype=np.float32)


def normalise_depth_robust(depth: Array, shown: Array | None = None) -> Array:
    """Depth with the 1st to 99th percentile of the measured values spread over [0.1, 1], holes 0; float32.

    Args:
        depth: (H, W) of the whole view.
        shown: (h, w) of its values that are asked for; None for all.
    """
    shown = depth if shown is None else shown
    measured = depth[depth > 0]
    if not len(measured):
        return np.zeros_like(shown, dtype=np.float32)
    near, far = np.percentile(measured, [1, 99])
    spread = np.clip((shown - near) / max(far - near, 1e-3), 0, 1)
    value = NEAREST_DEPTH_VALUE + (1 - NEAREST_DEPTH_VALUE) * spread
    return np.where(shown > 0, value, 0).astype(np.float32)


def normals_picture(frame: Frame) -> Array:
    """(3, H, W) float32 in [0, 1] surface normals in the camera's axes, halved and raised; 0.5 where none is known.

    Args:
        frame: A view; every measured pixel counts.

    Raises:
        ModMapError: it has no camera.
    """
    if frame.camera is None:
        raise ModMapError(f"view {frame.id}: depth shown as normals: expected a camera, found none")
    surface = view_surface(frame, frame.depth > 0)
    to_camera = frame.camera.T_world_to_camera[:3, :3].astype(np.float32)
    return np.asarray((surface.normals @ to_camera.T).transpose(2, 0, 1) / 2 + NO_NORMAL, dtype=np.float32)
