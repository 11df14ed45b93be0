"""What a picture of a small thing shows: a square of the view around it, as bright as its own bright places."""

from __future__ import annotations

import numpy as np

from modmap.types import Array

SPANS = 2.5  # times the thing's box that is shown
LEAST_SIDE = 1 / 8  # of the view's longer side that is shown
LEAST_MM = 0.1  # of the last colours of a deviation: what nobody feels has faint ones
BRIGHT = 0.995  # share of a picture's pixels that aren't white


def square_around(
    box: tuple[int, int, int, int], shape: tuple[int, ...], *, step: int = 1
) -> tuple[slice, slice]:
    """A square of a view around a box, of whole steps of pixels, as far as the view goes.

    Args:
        box: Left, top, right, bottom, the last two included.
        shape: (H, W) of the view.
        step: Pixels.

    Returns:
        Rows and columns.
    """
    left, top, right, bottom = box
    side = max(SPANS * max(right - left + 1, bottom - top + 1), LEAST_SIDE * max(shape))
    side = max(int(min(side, *shape)) // step, 1) * step
    rows, columns = (
        min(max(int((low + high) / 2 - side / 2), 0), longest - side) // step * step
        for low, high, longest in ((top, bottom, shape[0]), (left, right, shape[1]))
    )
    return slice(rows, rows + side), slice(columns, columns + side)


def brightened(picture: Array) -> Array:
    """(H, W) uint8 of a gray picture (H, W), 0 to 255, whose bright places are white: another lamp is no defect."""
    white = max(float(np.quantile(picture, BRIGHT)), 1.0)
    return np.asarray(np.minimum(picture.astype(np.float32) * np.float32(255 / white), 255).astype(np.uint8))


def farthest_mm(deviation: Array) -> float:
    """mm of the last colours of a picture of a deviation (H, W), mm, NaN where it isn't known."""
    known = np.abs(deviation[np.isfinite(deviation)])
    return max(LEAST_MM, float(known.max(initial=0)))
