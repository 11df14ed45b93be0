"""The faces of a part in a view: pieces of surface without an edge, which a good part has a little off as wholes."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from modmap.alignment.motion import dot, length
from modmap.alignment.surface import ViewSurface
from modmap.types import Array

AROUND = 1.5  # pixels of a view that is 1024 wide: over which normals are compared
ALIKE = 0.985  # length of the mean of unit normals that are of one face: within some 10 degrees of it
TOLERANCE = 0.15  # mm by which a whole face may lie off
CERTAIN = 0.02  # mm: what a face's mean deviation says nothing below
FAR = 3.0  # robust deviations beyond which a pixel says nothing of its face
ROUNDS = 3
ENOUGH = 6000  # pixels of a face that tell how far it lies off; of more, some are asked


def faces_of(surface: ViewSurface) -> Array:
    """(H, W) int32 number of the face that each pixel is of; 0 beside edges and where no surface is."""
    smooth = surface.smooth
    sigma = max(AROUND * smooth.shape[1] / 1024, 0.5)
    mean = cv2.GaussianBlur(np.where(smooth[..., None], surface.normals, 0), (0, 0), sigma)
    share = cv2.GaussianBlur(smooth.astype(np.float32), (0, 0), sigma)
    flat = smooth & (length(mean) > ALIKE * share)
    return np.asarray(cv2.connectedComponents(flat.astype(np.uint8), connectivity=4)[1])


def without_offsets(deviation: Array, normals: Array, face: Array, *, tolerance: float = TOLERANCE) -> Array:
    """(M,) float32 deviations less how far their faces lie off as wholes, as far as the part's tolerance lets them.

    A face may be larger or smaller, which lets it lie off by the same everywhere, and it may be shifted, which lets a
    cylinder stand out on one side and lie back on the other. What few of its pixels show has no say in that.

    Args:
        deviation: (M,) float32 mm along the normals, NaN where nothing is known.
        normals: (M, 3) float32 unit normals.
        face: (M,) the faces' numbers; what is of none, 0, stays as it is.
        tolerance: mm: of an offset beyond it the rest remains.
    """
    counted = np.isfinite(deviation) & (face > 0)
    if not counted.any():
        return deviation
    taken = np.bincount(face[counted]) > 0
    of_all = (np.cumsum(taken) - 1)[face[counted]]
    cause_all = np.column_stack([np.ones(len(of_all)), normals[counted]])
    asked = _some_of_each(of_all, ENOUGH)
    found, of, cause = deviation[counted][asked].astype(np.float64), of_all[asked], cause_all[asked]
    count = int(taken.sum())
    every, size = np.arange(count), np.bincount(of)
    held = (CERTAIN / tolerance) ** 2 * np.eye(cause.shape[1])
    offset = np.asarray(ndimage.median(found, of, every))[of]
    for _ in range(ROUNDS):
        rest = found - offset
        spread = np.maximum(1.4826 * np.asarray(ndimage.median(np.abs(rest), of, every)), CERTAIN)
        weight = np.square(np.clip(1 - np.square(rest / (FAR * spread[of])), 0, None)) / size[of]
        weighted = cause * weight[:, None]
        covered = np.stack([_sums(weighted * column[:, None], of, count) for column in cause.T], axis=2)
        explained = np.linalg.solve(covered + held, _sums(weighted * found[:, None], of, count)[..., None])
        offset = dot(cause, explained[of, :, 0])
    whole = dot(cause_all, explained[of_all, :, 0])
    remaining = deviation.copy()
    remaining[counted] -= np.clip(whole, -tolerance, tolerance).astype(np.float32)
    return remaining


def _some_of_each(of: Array, most: int) -> Array:
    """(K,) places in a list of numbers (M,), from 0, that hold each number at most so often, evenly spread."""
    # Numbers of 16 bits are sorted digit by digit, many times as fast.
    order = np.argsort(of.astype(np.uint16) if of.max() < 2**16 else of, kind="stable")
    size = np.bincount(of)
    rank = np.arange(len(of)) - np.repeat(np.cumsum(size) - size, size)
    step = -(-size // most)
    return np.sort(order[rank % np.repeat(step, size) == 0])


def _sums(values: Array, of: Array, count: int) -> Array:
    """(count, C) sums of the rows (K, C) of each number."""
    return np.stack([np.bincount(of, column, count) for column in values.T], axis=1)
