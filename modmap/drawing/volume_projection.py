"""A volume seen from afar: the largest score along every line of sight."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from modmap.drawing.colours import BACKGROUND, blend
from modmap.types import Array
from modmap.volume import AnomalyVolume

# From the part to the eye: a little from the right, from the front and from above.
OBLIQUE = (0.55, -0.75, 0.65)
# Pixels a little larger than the voxels leave no gaps between them.
PIXEL_SHARE = 1.3
NEAR_GRAY, FAR_GRAY = 190, 30


@dataclass(frozen=True, eq=False)
class Projection:
    """What a parallel projection of the observed voxels shows.

    Attributes:
        scores: (h, w) float32, the largest along the line of sight, so that nothing hides a defect; NaN beside the
            part.
        distance: (h, w) float32, mm from the voxel that is nearest to the eye; NaN beside the part.
    """

    scores: Array
    distance: Array


def project(
    volume: AnomalyVolume,
    *,
    size: tuple[int, int],
    direction: tuple[float, float, float] = OBLIQUE,
) -> Projection:
    """Looks at a volume from afar.

    Args:
        volume: The volume.
        size: (width, height) pixels that the projection must fit.
        direction: From the part to the eye, of any length, not straight up or down; the world's z is up.
    """
    index = np.argwhere(volume.observed)
    centres = volume.grid.centres(index)
    backward = np.asarray(direction) / np.linalg.norm(direction)
    right = np.cross([0.0, 0.0, 1.0], backward)
    right = right / np.linalg.norm(right)
    down = np.cross(right, backward)
    flat = centres @ np.stack([down, right], axis=1)
    flat = flat - flat.min(axis=0)
    span = flat.max(axis=0)
    pixel = max(PIXEL_SHARE * volume.grid.voxel, float(span[0]) / size[1], float(span[1]) / size[0])
    cell = np.floor(flat / pixel).astype(np.int64)
    height, width = (int(n) for n in cell.max(axis=0) + 1)
    scores = np.full((height, width), -np.inf, dtype=np.float32)
    distance = np.full((height, width), np.inf, dtype=np.float32)
    np.maximum.at(scores, tuple(cell.T), volume.scores[tuple(index.T)].astype(np.float32))
    np.minimum.at(distance, tuple(cell.T), (-centres @ backward).astype(np.float32))
    times = min(size[0] / width, size[1] / height)
    fitted = (max(1, math.floor(width * times)), max(1, math.floor(height * times)))
    beside = np.isinf(scores)
    return Projection(*(_enlarged(np.where(beside, np.nan, one), fitted) for one in (scores, distance)))


def volume_picture(
    volume: AnomalyVolume,
    *,
    size: tuple[int, int],
    top: float,
    direction: tuple[float, float, float] = OBLIQUE,
) -> Array:
    """(h, w, 3) uint8: the scores over the part in gray, near being light, as anomaly maps lie over an image.

    Args:
        volume: The volume.
        size: (width, height) pixels that the picture must fit.
        top: Score of the last colour.
        direction: As in `project`.
    """
    seen = project(volume, size=size, direction=direction)
    known = np.isfinite(seen.distance)
    near, far = float(seen.distance[known].min()), float(seen.distance[known].max())
    share = (np.where(known, seen.distance, near) - near) / max(far - near, volume.grid.voxel)
    gray = np.rint(NEAR_GRAY + share * (FAR_GRAY - NEAR_GRAY)).astype(np.uint8)
    picture = blend(gray, seen.scores, top)
    picture[~known] = BACKGROUND
    return picture


def _enlarged(picture: Array, size: tuple[int, int]) -> Array:
    return np.asarray(cv2.resize(picture.astype(np.float32), size, interpolation=cv2.INTER_NEAREST))
