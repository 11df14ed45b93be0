"""Pictures side by side and below one another, on white."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.drawing.lettering import PAPER

Array = npt.NDArray[Any]


def in_row(pictures: Sequence[Array], gap: int) -> Array:
    """Pictures (H, W, 3) from left to right, `gap` pixels between them, level at the top."""
    height = max(len(picture) for picture in pictures)
    spaced = [padded(picture, height, picture.shape[1] + gap) for picture in pictures]
    return np.concatenate(spaced, axis=1)[:, :-gap] if gap else np.concatenate(spaced, axis=1)


def in_column(pictures: Sequence[Array], gap: int) -> Array:
    """Pictures (H, W, 3) from top to bottom, `gap` pixels between them, level at the left."""
    width = max(picture.shape[1] for picture in pictures)
    spaced = [padded(picture, len(picture) + gap, width) for picture in pictures]
    return np.concatenate(spaced)[:-gap] if gap else np.concatenate(spaced)


def padded(picture: Array, height: int, width: int) -> Array:
    """A picture with white below and right of it."""
    page = np.full((height, width, 3), PAPER, dtype=np.uint8)
    page[: len(picture), : picture.shape[1]] = picture
    return page


def framed(picture: Array, edge: int) -> Array:
    """A picture with `edge` white pixels around it."""
    return np.pad(picture, ((edge, edge), (edge, edge), (0, 0)), constant_values=PAPER)
