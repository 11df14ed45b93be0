"""Texts in pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from modmap.drawing.layout import padded
from modmap.drawing.table import PLAIN, broken
from tests.modmap.drawing.pixels import places


def says(picture: Any, text: str) -> bool:
    """Whether all of a text is in a picture, in lines below one another, however wide."""
    breaks = {tuple(broken(text, width, PLAIN)) for width in range(60, 600, 6)}
    for lines in breaks:
        block = np.concatenate(
            [padded(PLAIN.line(line), PLAIN.line_height, max(map(PLAIN.width, lines))) for line in lines]
        )
        if block.shape[1] <= picture.shape[1] and places(picture, block):
            return True
    return False
