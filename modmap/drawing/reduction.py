"""A few of many views, and their pixels made small enough to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np

from modmap.types import Array

Item = TypeVar("Item")


def evenly_spread(items: Sequence[Item], most: int) -> list[Item]:
    """All items, or `most` of them at even distances, the first among them."""
    count = min(most, len(items))
    return [items[len(items) * place // count] for place in range(count)]


def reduced_size(shape: tuple[int, ...], longest: int) -> tuple[int, int]:
    """(width, height), as OpenCV wants it, of a picture (H, W, ...) whose longest side is at most `longest`."""
    share = min(1.0, longest / max(shape[:2]))
    return max(1, round(shape[1] * share)), max(1, round(shape[0] * share))


def averaged(pixels: Array, size: tuple[int, int]) -> Array:
    """Pixels (H, W[, C]) reduced to (width, height) by means over areas."""
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def nearest(values: Array, size: tuple[int, int]) -> Array:
    """Values (H, W) reduced to (width, height) by taking some and leaving others."""
    # Means would mix the part with what isn't there, and dim small peaks.
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_NEAREST))


def largest(values: Array, size: tuple[int, int]) -> Array:
    """Values (H, W) reduced to (width, height), none larger than theirs, by the maximum of each block; NaN if all are.

    So the smallest peak and the thinnest part are still there.
    """
    (height, width), (columns, rows) = values.shape, size
    by_rows = np.fmax.reduceat(values, np.arange(rows) * height // rows, axis=0)
    return np.asarray(np.fmax.reduceat(by_rows, np.arange(columns) * width // columns, axis=1))


def as_8_bit(image: Array) -> Array:
    """(H, W) uint8 of an 8 or 16 bit image, the maximum of 16 bit ones being white."""
    if image.dtype == np.uint8:
        return image
    return np.asarray(cv2.convertScaleAbs(image, alpha=255 / max(float(image.max()), 1.0)))


def measured_depth(depth: Array, size: tuple[int, int]) -> Array:
    """(h, w) float32 mm of a depth map reduced to (width, height); NaN where nothing was measured."""
    return nearest(np.where(depth > 0, depth, np.nan).astype(np.float32), size)


def depth_range(depths: Sequence[Array]) -> tuple[float, float]:
    """The nearest and the farthest of depth maps, mm, NaN being no depth, less a hundredth at both ends."""
    known = [depth[np.isfinite(depth)] for depth in depths]
    every = np.concatenate(known) if known else np.zeros(0)
    if not len(every):
        return 0.0, 1.0
    near, far = (float(value) for value in np.percentile(every, [1, 99]))
    return near, max(far, near + 1e-3)
