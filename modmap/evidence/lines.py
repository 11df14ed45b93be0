"""Thin lines in an image: scratches and cracks, which a Gaussian blurs away.

The mean along a line of some pixels is taken in every direction. Grain averages out, and a speck of dust, as dark as a
crack, doesn't count: all three thirds of a line must be brighter than what is around them, or all darker. What a
direction shows is held against what the nominal image shows in that direction around the place, so that the lay of a
brushed surface is no scratch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from modmap.evidence.lookup import nearest_at
from modmap.evidence.smoothing import sigmas, weighted_mean
from modmap.types import Array

THIRDS = (3.0, 6.0)  # of a line's length, in pixels of a view that is 1024 wide
DIRECTIONS = 16
WIDTH = 3.0  # likewise: of the Gaussian whose mean is taken off, so that only what is thinner is left
AROUND = 24.0  # likewise: of the Gaussian over which what the nominal image shows is averaged
LEAST_TOLD = 0.3  # share of what is known around a place that must not be glare
COARSER = 8  # pixels of the nominal image that become one of what is expected
LEAST = 0.01  # relative change that light and camera can make


def line_strengths(values: Array, known: Array, third: int, *, sigma: float) -> Iterator[Array]:
    """How far lines stand out of an image, direction by direction.

    Args:
        values: (H, W) float32.
        known: (H, W) bool: the pixels that count.
        third: Of a line's length, pixels.
        sigma: Of the Gaussian whose mean is taken off, pixels.

    Yields:
        For each direction (H, W) float32: how far, of the line in whose middle a pixel is, the third that stands out
        least does; 0 where the thirds don't agree in sign.
    """
    kept, weight = np.where(known, values, 0).astype(np.float32), known.astype(np.float32)
    mean = np.nan_to_num(weighted_mean(kept, weight, sigma))
    thin = (kept - mean) * weight
    height, width = known.shape
    padded = np.zeros((height + 2 * third, width + 2 * third), dtype=np.float32)
    for segment, (down, right) in zip(
        _segments(third), np.rint(third * _directions()).astype(int), strict=True
    ):
        middle = cv2.filter2D(thin, cv2.CV_32F, segment, borderType=cv2.BORDER_CONSTANT)
        padded[third : third + height, third : third + width] = middle
        one, other = (
            padded[third + sign * down :, third + sign * right :][:height, :width] for sign in (-1, 1)
        )
        low = np.minimum(np.minimum(one, other), middle)
        high = np.maximum(np.maximum(one, other), middle)
        yield np.maximum(low, 0) - np.minimum(high, 0)


def expected_lines(logarithm: Array, known: Array, told: Array) -> tuple[Array, ...]:
    """By how much lines of two good parts may differ, from what lines the nominal image shows around each place.

    Args:
        logarithm: (H, W) float32 of its gray levels.
        known: (H, W) bool: the pixels that count.
        told: (H, W) bool: those of them that aren't glare, which hides the lines that a surface has.

    Returns:
        For each length (H / 8, W / 8, D) float32 root mean squares by direction. Where nearly all is glare, as much in
        every direction as in the middle of the other places in the direction where that is most.
    """
    (width, around), lengths = sigmas((WIDTH, AROUND), known.shape[1]), _thirds(known.shape[1])
    blocks = -(-known.shape[0] // COARSER), -(-known.shape[1] // COARSER)
    found = [np.full((*blocks, DIRECTIONS), LEAST, dtype=np.float32) for _ in lengths]
    if not known.any():
        return tuple(found)
    rows, columns = (_range(np.asarray(known.any(axis=axis)), whole=COARSER) for axis in (1, 0))
    here, counted = known[rows, columns], told[rows, columns]
    shares = (_pooled(one.astype(np.float32)) for one in (here, counted))
    of_known, of_told = (_spread(share, around / COARSER) for share in shares)
    enough = of_told > np.maximum(LEAST_TOLD * of_known, np.float32(1e-3))
    top, left = rows.start // COARSER, columns.start // COARSER
    for third, full in zip(lengths, found, strict=True):
        squares = np.zeros((*enough.shape, DIRECTIONS), dtype=np.float32)
        for direction, one in enumerate(line_strengths(logarithm[rows, columns], here, third, sigma=width)):
            square = _spread(_pooled(one**2 * counted), around / COARSER)
            squares[enough, direction] = square[enough] / of_told[enough]
        if enough.any():
            squares[~enough] = np.median(squares[enough].max(axis=1))
        full[top : top + enough.shape[0], left : left + enough.shape[1]] = np.sqrt(2 * squares + LEAST**2)
    return tuple(found)


def line_scores(ratio: Array, known: Array, place: Array, expected: tuple[Array, ...]) -> tuple[Array, ...]:
    """How far lines of a new image stand out of what good parts may show.

    Args:
        ratio: (H, W) float32 of the new image's logarithms less the nominal ones', of the known pixels.
        known: (H, W) bool, the new image's pixels that both show clearly; at least one.
        place: (M, 2) pixel coordinates of the nominal image, of the known pixels in row order.
        expected: Of the nominal image, as `expected_lines`.

    Returns:
        For each length (M,) float32 multiples of what is expected, in the direction in which that is most.
    """
    rows, columns = (_range(np.asarray(known.any(axis=axis))) for axis in (1, 0))
    here = known[rows, columns]
    (width,) = sigmas((WIDTH,), known.shape[1])
    scores = []
    for third, one in zip(_thirds(known.shape[1]), expected, strict=True):
        block = nearest_at(np.arange(one[..., 0].size).reshape(one.shape[:2]), (place + 0.5) / COARSER - 0.5)
        by_direction = np.ascontiguousarray(one.reshape(-1, DIRECTIONS).T)
        most = np.zeros(len(place), dtype=np.float32)
        strengths = line_strengths(ratio[rows, columns], here, third, sigma=width)
        for strength, usual in zip(strengths, by_direction, strict=True):
            np.maximum(most, strength[here] / usual[block], out=most)
        scores.append(most)
    return tuple(scores)


def _thirds(width: int) -> tuple[int, ...]:
    """Thirds of lines, in whole pixels of a view so wide."""
    return tuple(max(round(third * width / 1024), 2) for third in THIRDS)


def _directions() -> Array:
    """(D, 2) unit vectors down and right, over half a turn."""
    angle = math.pi * np.arange(DIRECTIONS) / DIRECTIONS
    return np.column_stack([np.sin(angle), np.cos(angle)])


def _segments(length: int) -> Array:
    """(D, K, K) float32 weights that take the mean along segments of so many pixels, between pixels linear."""
    reach = length // 2 + 1
    middle = np.arange(length) - (length - 1) / 2
    kernels = np.zeros((DIRECTIONS, 2 * reach + 1, 2 * reach + 1), dtype=np.float32)
    axis = np.arange(-reach, reach + 1)
    for kernel, (down, right) in zip(kernels, _directions(), strict=True):
        for step in middle:
            rows = np.clip(1 - np.abs(axis - step * down), 0, None)
            columns = np.clip(1 - np.abs(axis - step * right), 0, None)
            kernel += np.outer(rows, columns).astype(np.float32) / np.float32(length)
    return kernels


def _pooled(values: Array) -> Array:
    """(h, w) means over blocks of pixels of a map (H, W) float32; blocks at the end may be smaller."""
    one = torch.from_numpy(values)[None, None]
    pooled = F.avg_pool2d(one, COARSER, ceil_mode=True, count_include_pad=False)
    return np.asarray(pooled[0, 0].numpy())


def _spread(values: Array, sigma: float) -> Array:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma))


def _range(taken: Array, *, whole: int = 1) -> slice:
    """From the first to the last that is taken, the start a whole number of so many."""
    first, last = np.flatnonzero(taken)[[0, -1]]
    return slice(int(first) // whole * whole, int(last) + 1)
