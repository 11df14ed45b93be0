"""A volume from the side: the largest score along every line of sight."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from modmap.report.part_view import FIRST_DIRECTION
from modmap.volume import AnomalyVolume

Array = npt.NDArray[Any]

# Pixels a little larger than the voxels leave no gaps between them.
PIXEL_SHARE = 1.3


def largest_along_view(
    volume: AnomalyVolume, *, side: int, direction: tuple[float, float, float] = FIRST_DIRECTION
) -> Array:
    """A parallel projection of the observed voxels, the largest score kept, so that nothing hides a defect.

    Args:
        volume: The volume.
        side: Pixels along the longer side.
        direction: From the part to the eye, of any length, not straight up or down; the world's z is up.

    Returns:
        (h, w) float32 scores; NaN where there is no voxel.
    """
    index = np.argwhere(volume.observed)
    backward = np.asarray(direction) / np.linalg.norm(direction)
    right = np.cross([0.0, 0.0, 1.0], backward)
    right = right / np.linalg.norm(right)
    down = np.cross(right, backward)
    flat = volume.grid.centres(index) @ np.stack([down, right], axis=1)
    flat = flat - flat.min(axis=0)
    pixel = max(PIXEL_SHARE * volume.grid.voxel, float(flat.max()) / side)
    cell = np.floor(flat / pixel).astype(np.int64)
    height, width = (int(n) for n in cell.max(axis=0) + 1)
    picture = np.full((height, width), -np.inf, dtype=np.float32)
    np.maximum.at(picture, tuple(cell.T), volume.scores[tuple(index.T)].astype(np.float32))
    picture[np.isinf(picture)] = np.nan
    times = side / max(height, width)
    size = (max(1, math.floor(width * times)), max(1, math.floor(height * times)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST))
