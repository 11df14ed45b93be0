"""Stripes over what wasn't inspected: no score has their colours, and without colours they are stripes still."""

from __future__ import annotations

import numpy as np

from modmap.drawing.colours import as_rgb
from modmap.not_inspected import OMISSIONS, Omission
from modmap.types import Array

# Dark and light stripe; plasma, the scale of the scores, has no green and no gray.
STRIPES: dict[Omission, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "not measured": ((0, 104, 90), (150, 226, 204)),
    "not compared": ((88, 92, 98), (205, 207, 210)),
}
WIDTH = 4  # pixels of a stripe
STRIPES_ALONG = 40  # of a part, in 3D


def hatched(picture: Array, reasons: Array) -> Array:
    """A picture with stripes over what wasn't inspected.

    Args:
        picture: (H, W) or (H, W, 3) uint8.
        reasons: (H, W) uint8, 0 or as in `NotInspected.reasons`.

    Returns:
        (H, W, 3) uint8, red first.
    """
    drawn = as_rgb(picture) if picture.ndim == 2 else picture.copy()
    row, column = np.indices(reasons.shape)
    light: Array = np.asarray((row + column) // WIDTH % 2)
    for number, name in enumerate(OMISSIONS, start=1):
        here = reasons == number
        drawn[here] = np.array(STRIPES[name], np.uint8)[light[here]]
    return drawn


def striped_points(points: Array, name: Omission, *, span: float) -> Array:
    """(M, 3) uint8 colours of points (M, 3) in stripes across the space that they lie in.

    Args:
        points: mm.
        name: Why they weren't inspected.
        span: mm that the part measures.
    """
    stripe = np.floor(points.sum(axis=1) * STRIPES_ALONG / max(span, 1e-6)).astype(np.int64) % 2
    return np.asarray(np.array(STRIPES[name], np.uint8)[stripe])
