"""Lines of text as pictures of their own, so that no text is cut off or drawn over another."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

FONT = cv2.FONT_HERSHEY_SIMPLEX
PAPER = 255
INK = (30, 30, 30)
SMALLEST_BOLD = 0.7
GAP_IN_NAMES = "..."


@dataclass(frozen=True)
class Lettering:
    """A size of text.

    Attributes:
        scale: OpenCV's font scale; capitals are about 22 pixels high at 1.
        bold: Thick strokes, where there is room for them.
    """

    scale: float
    bold: bool = False

    @property
    def line_height(self) -> int:
        """Pixels of a line's picture."""
        (_, height), below = self._size("Agjy|")
        return height + below + 2 * self._edge

    def width(self, text: str) -> int:
        """Pixels of a text's picture."""
        return self._size(_drawable(text))[0][0] + 2 * self._edge

    def line(self, text: str, *, most: int | None = None) -> Array:
        """A picture of one line of text.

        Args:
            text: What to write; letters outside ASCII lose their accents, others become question marks.
            most: Pixels; a wider text loses letters in its middle.

        Returns:
            (line_height, width, 3) uint8, dark on white.
        """
        text = _drawable(text)
        if most is not None:
            text = self._shortened(text, most)
        (_, _), below = self._size("Agjy|")
        picture = np.full((self.line_height, self.width(text), 3), PAPER, dtype=np.uint8)
        baseline = self.line_height - below - self._edge
        cv2.putText(
            picture, text, (self._edge, baseline), FONT, self.scale, INK, self._thickness, cv2.LINE_AA
        )
        return picture

    @property
    def _edge(self) -> int:
        # Strokes reach past the size that OpenCV gives: the tail of a j in its font, the top of a | in OpenCV 4's.
        return 2 + math.ceil(4 * self.scale)

    @property
    def _thickness(self) -> int:
        # Below this, thick strokes of OpenCV 4's font run into one another.
        return 2 if self.bold and self.scale >= SMALLEST_BOLD else 1

    def _size(self, text: str) -> tuple[tuple[int, int], int]:
        (width, height), below = cv2.getTextSize(text, FONT, self.scale, self._thickness)
        return (int(width), int(height)), int(below)

    def _shortened(self, text: str, most: int) -> str:
        kept = len(text)
        shorter = text
        while self.width(shorter) > most and kept > 0:
            kept -= 1
            front = (kept + 1) // 2
            shorter = text[:front] + GAP_IN_NAMES + text[len(text) - (kept - front) :]
        return shorter


def _drawable(text: str) -> str:
    """OpenCV 4 draws ASCII alone."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(c if c.isprintable() else "?" for c in plain).encode("ascii", "replace").decode()
