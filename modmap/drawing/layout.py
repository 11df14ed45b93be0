"""Pictures side by side and below one another, on white, every pixel kept as it is: plain slices of arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modmap.drawing.lettering import PAPER
from modmap.types import Array


def blank(height: int, width: int) -> Array:
    """(height, width, 3) uint8, white."""
    return np.full((height, width, 3), PAPER, dtype=np.uint8)


def in_row(pictures: Sequence[Array], gap: int) -> Array:
    """Pictures (H, W, 3) from left to right, `gap` pixels between them, level at the top."""
    widths = [picture.shape[1] + gap for picture in pictures]
    page = blank(max(len(picture) for picture in pictures), sum(widths) - gap)
    for picture, right in zip(pictures, np.cumsum(widths) - gap, strict=True):
        page[: len(picture), right - picture.shape[1] : right] = picture
    return page


def in_column(pictures: Sequence[Array], gap: int) -> Array:
    """Pictures (H, W, 3) from top to bottom, `gap` pixels between them, level at the left."""
    turned = [picture.transpose(1, 0, 2) for picture in pictures]
    return in_row(turned, gap).transpose(1, 0, 2)


def padded(picture: Array, height: int, width: int) -> Array:
    """A picture with white below and right of it."""
    page = blank(height, width)
    page[: len(picture), : picture.shape[1]] = picture
    return page


def framed(picture: Array, edge: int) -> Array:
    """A picture with `edge` white pixels around it."""
    return np.pad(picture, ((edge, edge), (edge, edge), (0, 0)), constant_values=PAPER)
