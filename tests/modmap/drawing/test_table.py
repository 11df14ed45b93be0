"""Tables of pictures: every picture and every word is where it belongs, and whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modmap.drawing.lettering import PAPER
from modmap.drawing.table import BOLD, LABEL_WIDTH, PLAIN, TableRow, broken, picture_table
from tests.modmap.drawing.pixels import find


def noise(seed: int, height: int = 60, width: int = 200) -> Any:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


class TestPictureTable:
    def test_table__pictures_are_in_their_rows_and_columns(self) -> None:
        cells = [[noise(3 * r + c, 60 + 10 * r, 150 + 20 * c) for c in range(3)] for r in range(2)]
        drawn = picture_table("t", [TableRow(["r"], row) for row in cells], columns=["x", "y", "z"])
        places = np.array([[find(drawn, cell) for cell in row] for row in cells])
        assert (np.ptp(places[:, :, 0], axis=1) == 0).all()
        assert (np.ptp(places[:, :, 1], axis=0) == 0).all()
        assert (np.diff(places[0, :, 1]) > [150, 170]).all()
        assert places[1, 0, 0] - places[0, 0, 0] > 60

    def test_table__words_are_whole_and_beside_what_they_name(self) -> None:
        cells = [noise(0), noise(1)]
        notes = ["one note", "another"]
        drawn = picture_table(
            "the title", [TableRow(["first", "more"], cells)], columns=["left", "right"], notes=notes
        )
        title = find(drawn, BOLD.line("the title"))
        lines = [find(drawn, PLAIN.line(note)) for note in notes]
        headings = [find(drawn, PLAIN.line(text)) for text in ("left", "right")]
        label, more = find(drawn, BOLD.line("first")), find(drawn, PLAIN.line("more"))
        pictures = [find(drawn, cell) for cell in cells]
        assert title[0] < lines[0][0] < lines[1][0] < headings[0][0] < pictures[0][0]
        assert [place[1] for place in headings] == [place[1] for place in pictures]
        assert label[0] == pictures[0][0]
        assert more[0] == label[0] + BOLD.line_height
        assert label[1] == more[1] < pictures[0][1]

    def test_table__a_long_heading_widens_its_column(self) -> None:
        heading = "a heading that is wider than this"
        width = PLAIN.width(heading) * 2 // 3
        drawn = picture_table(
            "t",
            [TableRow(["r"], [noise(0, width=width), noise(1, width=width)])],
            columns=[heading, "next"],
        )
        left = find(drawn, PLAIN.line(heading))[1]
        assert find(drawn, PLAIN.line("next"))[1] > left + PLAIN.width(heading)

    def test_table__words_stand_in_for_a_picture(self) -> None:
        words = "no volume: view 00 has no camera"
        drawn = picture_table(
            "t",
            [TableRow(["r"], [noise(0, 100), words]), TableRow(["s"], [noise(1), noise(2)])],
            columns="ab",
        )
        lines = broken(words, 200, PLAIN)
        assert " ".join(lines) == words
        rows = [find(drawn, PLAIN.line(line)) for line in lines]
        assert rows[0] == (find(drawn, noise(0, 100))[0], find(drawn, noise(2))[1])

    def test_table__without_any_picture(self) -> None:
        drawn = picture_table("t", [TableRow(["r"], ["nothing here"])], columns=["x"])
        find(drawn, PLAIN.line("nothing here"))

    def test_table__long_labels_are_broken(self) -> None:
        label = "word " * 30
        drawn = picture_table("t", [TableRow([label], [noise(0)])], columns=["x"])
        assert find(drawn, noise(0))[1] < LABEL_WIDTH + 60
        for line in set(broken(label, LABEL_WIDTH, BOLD)):
            assert (drawn[:, :LABEL_WIDTH] != PAPER).any()
            assert BOLD.width(line) <= LABEL_WIDTH

    def test_table__legend_is_right_of_all(self) -> None:
        legend = noise(9, 50, 30)
        drawn = picture_table("t", [TableRow(["r"], [noise(0)])], columns=["x"], legend=legend)
        assert find(drawn, legend)[1] > find(drawn, noise(0))[1] + 200


class TestBroken:
    @pytest.mark.parametrize("width", [60, 120, 400, 2000])
    def test_broken__no_word_is_lost_and_no_line_too_wide(self, width: int) -> None:
        text = "anomaly map over the image, the more opaque the higher; boxes: ground truth"
        lines = broken(text, width, PLAIN)
        assert " ".join(lines) == text
        assert all(PLAIN.width(line) <= width or " " not in line for line in lines)

    def test_broken__nothing(self) -> None:
        assert broken("", 100, PLAIN) == []
