"""Pictures found in pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

# Pixels without ink beside a line that stands alone; between words are fewer.
BESIDE = 9


def read(path: Path) -> Any:
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def places(picture: Any, part: Any) -> list[tuple[int, int]]:
    """(row, column) of every place where a picture holds another exactly."""
    height, width = part.shape[:2]
    near = cv2.matchTemplate(picture, part, cv2.TM_SQDIFF) <= 1e-5 * np.square(part, dtype=float).sum()
    return [
        (int(row), int(column))
        for row, column in np.argwhere(near)
        if np.array_equal(picture[row : row + height, column : column + width], part)
    ]


def find(picture: Any, part: Any) -> tuple[int, int]:
    """(row, column) of the only place where a picture holds another exactly."""
    found = places(picture, part)
    assert len(found) == 1
    return found[0]


def find_words(picture: Any, line: Any) -> tuple[int, int]:
    """(row, column) of the only place where a line of text stands alone, no other word being beside it."""
    row, column = find(picture, np.pad(line, ((0, 0), (BESIDE, BESIDE), (0, 0)), constant_values=255))
    return row, column + BESIDE


def as_rgb(gray: Any) -> Any:
    return np.stack([gray] * 3, axis=2)
