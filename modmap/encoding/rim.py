"""Tokens on a part's rim show more background than part; better covered ones beside them can speak for them."""

from __future__ import annotations

import cv2
import numpy as np

from modmap.encoding.square import Square
from modmap.types import Array

BESIDE = np.ones((3, 3), np.uint8)
SENSOR_HOLES = np.ones((9, 9), np.uint8)


def inner_tokens(mask: Array, square: Square, *, share: float) -> Array:
    """The tokens that are mapped: all that hold the part, less the rim.

    A token is on the rim if the part, its pinholes closed, covers less than `share` of it while one of the eight
    around it is covered more. A token without such a neighbour stays, so that thin bars are never lost.

    Args:
        mask: (H, W) bool, the part's measured pixels.
        square: How the view lies in the token grid.
        share: In [0, 1]; 0 keeps every token that holds a pixel of the part.

    Returns:
        (grid, grid) bool.
    """
    touched = square.tokens_touched(mask)
    if share == 0:
        return touched
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, SENSOR_HOLES)
    covered = touched & (square.coverage(closed.astype(bool)) >= share)
    beside_covered = cv2.dilate(covered.astype(np.uint8), BESIDE).astype(bool)
    inner: Array = touched & (covered | ~beside_covered)
    return inner


def spread_to_rim(tokens: Array, touched: Array) -> Array:
    """Gives every rim token the mean score of the mapped tokens around it, and those behind it the mean of theirs.

    Args:
        tokens: (grid, grid) float scores, infinite where a token isn't mapped.
        touched: (grid, grid) bool: the token holds a pixel of the part.

    Returns:
        (grid, grid) float32, finite where `touched` hangs together with a mapped token, infinite elsewhere.
    """
    spread = np.where(touched, tokens, np.inf)
    while True:
        known = np.isfinite(spread)
        count = _sum_around(known)
        reached = touched & ~known & (count > 0)
        if not reached.any():
            return spread.astype(np.float32)
        spread[reached] = _sum_around(np.where(known, spread, 0))[reached] / count[reached]


def _sum_around(values: Array) -> Array:
    padded = np.pad(values.astype(np.float64), 1)
    height, width = values.shape
    offsets = [(y, x) for y in range(3) for x in range(3)]
    total: Array = np.sum([padded[y : y + height, x : x + width] for y, x in offsets], axis=0)
    return total
