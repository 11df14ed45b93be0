"""Pictures in rows and columns, with words for the rows, the columns and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.drawing.layout import framed, in_column, in_row, padded
from modmap.drawing.lettering import PAPER, Lettering

Array = npt.NDArray[Any]

TEXT = 0.6
# A heading may be so much wider than the pictures under it before it loses letters.
WIDEST_HEADING = 2
TALLEST_LEGEND = 480
LABEL_WIDTH = 230
# Pixels that the title and the notes may take, however few pictures there are.
NARROWEST = 600
# Letters in a line, where words stand for a picture that is narrower.
ROOM_FOR_WORDS = 10


@dataclass(frozen=True, eq=False)
class TableRow:
    """One row.

    Attributes:
        label: Lines beside it, the first bold; long ones are broken.
        cells: Pictures (h, w, 3) uint8, red first, or words that stand where one is missing.
    """

    label: Sequence[str]
    cells: Sequence[Array | str]


def picture_table(
    title: str,
    rows: Sequence[TableRow],
    *,
    columns: Sequence[str],
    notes: Sequence[str] = (),
    legend: Array | None = None,
    text: float = TEXT,
) -> Array:
    """Draws a table; pictures keep their pixels, and no text is cut off by another.

    Args:
        title: Over all.
        rows: The rows, of as many cells as there are columns.
        columns: Their headings.
        notes: Under the title, a line each; broken where the table is narrower.
        legend: (h, w, 3) uint8, right of the rows.
        text: Size of the letters.

    Returns:
        (H, W, 3) uint8, red first.
    """
    plain, bold = Lettering(text), Lettering(text, bold=True)
    gap = max(4, plain.line_height // 3)
    widths = [_column_width(n, rows, heading, plain) for n, heading in enumerate(columns)]
    labels = [_label(row.label, bold=bold, plain=plain) for row in rows]
    label_width = max(label.shape[1] for label in labels)
    lines = [
        _with_label(
            padded(np.zeros((0, 0, 3), np.uint8), plain.line_height, label_width),
            [
                padded(plain.line(heading, most=width), plain.line_height, width)
                for heading, width in zip(columns, widths, strict=True)
            ],
            gap,
        )
    ]
    for row, label in zip(rows, labels, strict=True):
        drawn = [
            _words(cell, width, plain) if isinstance(cell, str) else cell
            for cell, width in zip(row.cells, widths, strict=True)
        ]
        tallest = max(len(cell) for cell in drawn)
        cells = [padded(cell, tallest, width) for cell, width in zip(drawn, widths, strict=True)]
        lines.append(_with_label(padded(label, len(label), label_width), cells, gap))
    body = in_column(lines, gap)
    if legend is not None:
        body = in_row([body, in_column([_blank(plain.line_height + gap, 1), legend], 0)], 2 * gap)
    room = max(body.shape[1], NARROWEST)
    heading = [bold.line(title, most=room)]
    heading += [plain.line(line) for note in notes for line in broken(note, room, plain)]
    return framed(in_column([in_column(heading, 0), body], gap), 2 * gap)


def broken(text: str, width: int, lettering: Lettering) -> list[str]:
    """A text in lines of at most `width` pixels, broken between words; a longer word loses letters in its middle."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and lettering.width(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _column_width(n: int, rows: Sequence[TableRow], heading: str, text: Lettering) -> int:
    cells = [row.cells[n] for row in rows]
    widest = max(
        text.width("m" * ROOM_FOR_WORDS) if isinstance(cell, str) else cell.shape[1] for cell in cells
    )
    return max(widest, min(text.width(heading), WIDEST_HEADING * widest))


def _label(lines: Sequence[str], *, bold: Lettering, plain: Lettering) -> Array:
    drawn = []
    for place, line in enumerate(lines):
        lettering = plain if place else bold
        drawn += [lettering.line(part, most=LABEL_WIDTH) for part in broken(line, LABEL_WIDTH, lettering)]
    return in_column(drawn or [_blank(plain.line_height, 1)], 0)


def _words(text: str, width: int, lettering: Lettering) -> Array:
    return in_column([lettering.line(line, most=width) for line in broken(text, width, lettering)], 0)


def _with_label(label: Array, cells: Sequence[Array], gap: int) -> Array:
    return in_row([label, in_row(cells, gap)], gap)


def _blank(height: int, width: int) -> Array:
    return np.full((height, width, 3), PAPER, dtype=np.uint8)
