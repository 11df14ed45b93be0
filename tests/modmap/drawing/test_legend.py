"""The bar of colours: its numbers are round, whole, apart, and beside their colour."""

from __future__ import annotations

import numpy as np
import pytest

from modmap.drawing.legend import LINES_PER_TICK, draw_legend, score_ticks
from modmap.drawing.lettering import Lettering
from tests.modmap.drawing.pixels import find

LAST = (240, 249, 33)


class TestDrawLegend:
    @pytest.mark.parametrize("height", [1, 60, 300, 1000])
    @pytest.mark.parametrize("top", [1e-7, 0.0345, 0.8, 1.0, 37.5, 1e6])
    @pytest.mark.parametrize("size", [15, 30, 60])
    def test_numbers__are_beside_their_colour_and_apart(self, height: int, top: float, size: int) -> None:
        text = Lettering(size)
        picture = draw_legend(height, top, lettering=text)
        assert picture.shape[0] >= height
        heading = text.line("score")
        assert np.array_equal(picture[: len(heading), : heading.shape[1]], heading)
        hot = np.flatnonzero((picture[:, 0] == LAST).all(axis=1))
        cold = np.flatnonzero((picture[len(heading) :, 0] == 128).all(axis=1)) + len(heading)
        rows = []
        for value, label in score_ticks(
            top, most=int((cold[-1] - hot[0]) / (LINES_PER_TICK * text.line_height))
        ):
            place = round(cold[-1] - value / top * (cold[-1] - hot[0]))
            first = place - text.line_height // 2 - 1
            rows.append(first + find(picture[first : first + text.line_height + 2], text.line(label))[0])
        assert len(rows) >= 2
        assert (-np.diff(rows) >= text.line_height).all()


class TestScoreTicks:
    @pytest.mark.parametrize(
        ("top", "most", "texts"),
        [
            (0.58, 6, ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.58"]),
            (0.58, 4, ["0", "0.2", "0.4", "0.58"]),
            (1.0, 5, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
            (1.02, 5, ["0", "0.5", "1.02"]),
            (0.3, 3, ["0", "0.1", "0.2", "0.3"]),
            (123.4, 3, ["0", "50", "123"]),
            (7.0, 1, ["0", "7"]),
            (7.0, 0, ["0", "7"]),
        ],
    )
    def test_ticks__are_round(self, top: float, most: int, texts: list[str]) -> None:
        assert [text for _, text in score_ticks(top, most=most)] == texts
