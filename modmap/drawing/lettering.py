"""Lines of text as pictures of their own, so that no text is cut off or drawn over another."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from modmap.types import Array

PAPER = 255
INK = (30, 30, 30)
GAP_IN_NAMES = "…"
# No other letter of the Latin, Greek or Cyrillic scripts reaches higher or lower.
FARTHEST_REACHING = "ẲǗḼĢȿḪḁ|"


@dataclass(frozen=True)
class Lettering:
    """A size of text in DejaVu Sans, the font that matplotlib ships.

    Attributes:
        size: Pixels of the font's em; capitals are about 0.73 of it high.
        bold: Draw thick strokes.
    """

    size: int
    bold: bool = False

    @property
    def line_height(self) -> int:
        """Pixels of a line's picture."""
        return self._above + math.ceil(self._font.getbbox(FARTHEST_REACHING, anchor="ls")[3])

    def width(self, text: str) -> int:
        """Pixels of a text's picture."""
        left, right = self._ends(self._drawable(text))
        return right - left

    def line(self, text: str, *, most: int | None = None) -> Array:
        """A picture of one line of text.

        Args:
            text: What to write; a character that the font lacks is written as its code point, `\\u90e8`.
            most: Pixels; a wider text loses letters in its middle.

        Returns:
            (line_height, width, 3) uint8, dark on white.
        """
        text = self._drawable(text)
        if most is not None:
            text = self._shortened(text, most)
        left, right = self._ends(text)
        picture = Image.new("RGB", (right - left, self.line_height), (PAPER, PAPER, PAPER))
        ImageDraw.Draw(picture).text((-left, self._above), text, INK, self._font, anchor="ls")
        return np.asarray(picture)

    @property
    def _font(self) -> ImageFont.FreeTypeFont:
        return _font(self.size, self.bold)

    @property
    def _above(self) -> int:
        return -math.floor(self._font.getbbox(FARTHEST_REACHING, anchor="ls")[1])

    def _ends(self, text: str) -> tuple[int, int]:
        """Columns before and after a text that begins in column 0; a letter such as j reaches beyond its room."""
        left, _, right, _ = self._font.getbbox(text, anchor="ls")
        return math.floor(min(left, 0)), math.ceil(max(right, self._font.getlength(text)))

    def _drawable(self, text: str) -> str:
        known = _characters(self.bold)
        composed = unicodedata.normalize("NFC", text)
        return "".join(c if ord(c) in known else c.encode("unicode_escape").decode() for c in composed)

    def _shortened(self, text: str, most: int) -> str:
        kept = len(text)
        shorter = text
        while self.width(shorter) > most and kept > 0:
            kept -= 1
            front = (kept + 1) // 2
            shorter = text[:front] + GAP_IN_NAMES + text[len(text) - (kept - front) :]
        return shorter


@lru_cache
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_font_file(bold), size)


@lru_cache
def _characters(bold: bool) -> frozenset[int]:
    """Code points that the font can draw, which Pillow doesn't tell."""
    return frozenset(FT2Font(_font_file(bold)).get_charmap())


def _font_file(bold: bool) -> str:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return str(Path(matplotlib.get_data_path(), "fonts", "ttf", name))
