"""A volume seen from afar: the largest score along every line of sight."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from modmap.drawing.colours import BACKGROUND, blend, colourise
from modmap.drawing.hatching import hatched
from modmap.not_inspected import NotInspected
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
        omitted: (h, w) uint8, 0 or as in `NotInspected.reasons`: where such surface is nearer to the eye than what was
            seen.
    """

    scores: Array
    distance: Array
    omitted: Array


def project(
    volume: AnomalyVolume,
    *,
    size: tuple[int, int],
    direction: tuple[float, float, float] = OBLIQUE,
    omitted: NotInspected | None = None,
) -> Projection:
    """Looks at a volume from afar.

    Args:
        volume: The volume.
        size: (width, height) pixels that the projection must fit.
        direction: From the part to the eye, of any length, not straight up or down; the world's z is up.
        omitted: What wasn't inspected, in the volume's world.
    """
    index = np.argwhere(volume.observed)
    centres = volume.grid.centres(index)
    backward = np.asarray(direction) / np.linalg.norm(direction)
    right = np.cross([0.0, 0.0, 1.0], backward)
    right = right / np.linalg.norm(right)
    down = np.cross(right, backward)
    beside_it = np.zeros((0, 3)) if omitted is None else omitted.points.astype(np.float64)
    flat = np.concatenate([centres, beside_it]) @ np.stack([down, right], axis=1)
    flat = flat - flat.min(axis=0)
    span = flat.max(axis=0)
    pixel = max(PIXEL_SHARE * volume.grid.voxel, float(span[0]) / size[1], float(span[1]) / size[0])
    cell = np.floor(flat / pixel).astype(np.int64)
    height, width = (int(n) for n in cell.max(axis=0) + 1)
    cell, further = cell[: len(centres)], cell[len(centres) :]
    scores = np.full((height, width), -np.inf, dtype=np.float32)
    distance = np.full((height, width), np.inf, dtype=np.float32)
    np.maximum.at(scores, tuple(cell.T), volume.scores[tuple(index.T)].astype(np.float32))
    np.minimum.at(distance, tuple(cell.T), (-centres @ backward).astype(np.float32))
    times = min(size[0] / width, size[1] / height)
    fitted = (max(1, math.floor(width * times)), max(1, math.floor(height * times)))
    beside = np.isinf(scores)
    drawn = np.zeros((height, width), dtype=np.uint8)
    if omitted is not None and len(further):
        drawn = _drawn(further, -beside_it @ backward, omitted, distance, pixel)
    enlarged = [_enlarged(np.where(beside, np.nan, one), fitted) for one in (scores, distance)]
    striped = np.asarray(cv2.resize(drawn, fitted, interpolation=cv2.INTER_NEAREST))
    return Projection(enlarged[0], enlarged[1], striped)


def volume_picture(
    volume: AnomalyVolume,
    *,
    size: tuple[int, int],
    top: float,
    direction: tuple[float, float, float] = OBLIQUE,
    omitted: NotInspected | None = None,
    opaque: bool = False,
) -> Array:
    """(h, w, 3) uint8: the scores over the part in gray, near being light, as anomaly maps lie over an image.

    Args:
        volume: The volume.
        size: (width, height) pixels that the picture must fit.
        top: Score of the last colour.
        direction: As in `project`.
        omitted: What wasn't inspected: hatched.
        opaque: The colours alone, as where small values say as much as large ones.
    """
    seen = project(volume, size=size, direction=direction, omitted=omitted)
    known = np.isfinite(seen.distance)
    near, far = float(seen.distance[known].min()), float(seen.distance[known].max())
    share = (np.where(known, seen.distance, near) - near) / max(far - near, volume.grid.voxel)
    gray = np.rint(NEAR_GRAY + share * (FAR_GRAY - NEAR_GRAY)).astype(np.uint8)
    picture = colourise(seen.scores, top) if opaque else blend(gray, seen.scores, top)
    picture[~known] = BACKGROUND
    return hatched(picture, seen.omitted)


def _drawn(cell: Array, far: Array, omitted: NotInspected, distance: Array, pixel: float) -> Array:
    """(h, w) uint8 reasons of the omitted points (M, 2) in cells, (M,) mm from the eye, that nothing seen hides."""
    reach = max(1, math.ceil(PIXEL_SHARE * omitted.spacing / pixel)) | 1
    drawn = np.zeros(distance.shape, dtype=np.uint8)
    for number in (2, 1):
        mine = omitted.reasons == number
        near = np.full(distance.shape, np.inf, dtype=np.float32)
        np.minimum.at(near, tuple(cell[mine].T), far[mine].astype(np.float32))
        near = cv2.erode(near, np.ones((reach, reach), np.uint8), borderValue=np.inf)
        drawn[np.isfinite(near) & (near <= distance)] = number
    return drawn


def _enlarged(picture: Array, size: tuple[int, int]) -> Array:
    return np.asarray(cv2.resize(picture.astype(np.float32), size, interpolation=cv2.INTER_NEAREST))
