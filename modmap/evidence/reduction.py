"""A view at the resolution that evidence is taken at."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from modmap.scan import Frame
from modmap.types import Array

LONGEST = 1024  # pixels of the longer side
STEEPEST = 6.0  # footprints of a reduced pixel that the depth may span within it


def reduction(shape: tuple[int, int]) -> int:
    """How many pixels along each axis become one."""
    return -(-max(shape) // LONGEST)


def reduced(frame: Frame, mask: Array) -> Frame:
    """A view of its part alone with at most 1024 pixels along the longer side.

    Depth is the mean of the pixels that become one where they are one surface, else that of the middle one. Rows and
    columns that don't fill a pixel at the end are left out.

    Args:
        frame: The view, with a camera.
        mask: (H, W) bool, the part.
    """
    factor = reduction(frame.shape)
    camera = frame.camera
    assert camera is not None
    depth = np.where(mask, frame.depth, 0).astype(np.float32)
    if factor == 1:
        return replace(frame, depth=depth, colour=None)
    height, width = (side // factor for side in frame.shape)
    parted = depth[: height * factor, : width * factor].reshape(height, factor, width, factor)
    blocks = parted.transpose(0, 2, 1, 3).reshape(height, width, factor**2)
    middle = parted[:, factor // 2, :, factor // 2]
    low, high = blocks.min(axis=2), blocks.max(axis=2)
    one_surface = (low > 0) & (high - low <= STEEPEST * factor * high / camera.K[0, 0])
    scale = np.array(
        [[1 / factor, 0, (1 / factor - 1) / 2], [0, 1 / factor, (1 / factor - 1) / 2], [0, 0, 1]]
    )
    return replace(
        frame,
        depth=np.where(one_surface, blocks.mean(axis=2), middle).astype(np.float32),
        image=cv2.resize(
            frame.image[: height * factor, : width * factor], (width, height), interpolation=cv2.INTER_AREA
        ),
        camera=replace(camera, K=scale @ camera.K, size=(width, height)),
        colour=None,
    )
