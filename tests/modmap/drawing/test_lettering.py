"""Lines of text compared with what Pillow draws on a page with room to spare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from modmap.drawing import overlays
from modmap.drawing.lettering import INK, PAPER, Lettering
from modmap.drawing.overlays import write_overlays
from modmap.result import Result
from modmap.scan import Scan
from tests.modmap.drawing.pixels import find, read
from tests.modmap.drawing.test_overlays import a_result, flat

MANY_SCRIPTS = "Müller_läufer_Ω_детал"
SIZE = 17


def pillow_font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    weight = "bold" if bold else "normal"
    found = font_manager.findfont(font_manager.FontProperties(family="DejaVu Sans", weight=weight))
    return ImageFont.truetype(found, size)


def ink(picture: Any) -> Any:
    """The smallest part of a picture outside which it is white."""
    rows, columns = np.nonzero((np.asarray(picture) != PAPER).any(axis=2))
    return np.asarray(picture)[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def pillow_ink(text: str, size: int, *, bold: bool = False) -> Any:
    page = Image.new("RGB", (size * (len(text) + 4), 4 * size), "white")
    ImageDraw.Draw(page).text((2 * size, 2 * size), text, INK, pillow_font(size, bold=bold), anchor="ls")
    return ink(page)


def shortened(name: str, kept: int) -> str:
    return name[: kept - kept // 2] + "…" + name[-(kept // 2) :]


class TestLettering:
    @pytest.mark.parametrize("size", [15, 17, 30, 69])
    @pytest.mark.parametrize("bold", [False, True])
    def test_line__is_whole(self, size: int, bold: bool) -> None:
        text = Lettering(size, bold)
        for words in ("Ag|jy_(0.123)", "WM", "jjj", "/\\", "score", MANY_SCRIPTS, "ŇỔģḪ", "Ώώйё"):
            line = text.line(words)
            assert line.shape == (text.line_height, text.width(words), 3)
            np.testing.assert_array_equal(ink(line), pillow_ink(words, size, bold=bold))

    def test_line__letters_of_many_scripts_are_neither_boxes_nor_question_marks(self) -> None:
        font, text = pillow_font(SIZE), Lettering(SIZE)
        nothing = [bytes(font.getmask(stand_in)) for stand_in in ("\U0010ffff", "?")]
        for letter in MANY_SCRIPTS:
            assert bytes(font.getmask(letter)) not in nothing
            np.testing.assert_array_equal(ink(text.line(letter)), pillow_ink(letter, SIZE))
        assert text.width(MANY_SCRIPTS) >= font.getlength(MANY_SCRIPTS)

    def test_line__shortened_in_the_middle(self) -> None:
        text = Lettering(15)
        name = "beginning_of_a_long_name_end"
        line = text.line(name, most=120)
        kept = [n for n in range(2, len(name)) if np.array_equal(line, text.line(shortened(name, n)))]
        assert len(kept) == 1
        assert text.width(shortened(name, kept[0])) <= 120 < text.width(shortened(name, kept[0] + 1))

    def test_line__what_the_font_lacks_is_its_code_point(self) -> None:
        text = Lettering(15)
        assert np.array_equal(text.line("部\n\x00"), text.line("\\u90e8\\n\\x00"))

    def test_line__a_letter_in_two_parts_is_the_letter(self) -> None:
        text = Lettering(15)
        assert np.array_equal(text.line("u\N{COMBINING DIAERESIS}"), text.line("ü"))

    def test_line__of_nothing(self) -> None:
        assert Lettering(15).line("").shape == (Lettering(15).line_height, 0, 3)


def test_overlays__are_headed_by_the_names_as_they_are_spelt(tmp_path: Path) -> None:
    result, scan = a_result({"Ω_7": flat(0.4)})
    named = Result(MANY_SCRIPTS, result.score, result.views, None)
    page, sheet = (read(file) for file in write_overlays(named, Scan(MANY_SCRIPTS, scan.views), tmp_path))
    find(page, pillow_ink(f"{MANY_SCRIPTS}   view Ω_7", overlays.SMALLEST_TEXT, bold=True))
    find(sheet, pillow_ink("Ω_7", overlays.SMALLEST_TEXT))
