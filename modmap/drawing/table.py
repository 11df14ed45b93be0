"""Pictures in rows and columns, with words for the rows, the columns and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modmap.drawing.layout import blank, framed, in_column, in_row, padded
from modmap.drawing.lettering import Lettering
from modmap.types import Array

PLAIN, BOLD = Lettering(17), Lettering(17, bold=True)
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
) -> Array:
    """Draws a table; pictures keep their pixels, and no text is cut off by another.

    Args:
        title: Over all.
        rows: The rows, of as many cells as there are columns; there may be none of either.
        columns: Their headings.
        notes: Under the title, each on a line of its own, broken where the table is narrower.
        legend: (h, w, 3) uint8, right of the rows.

    Returns:
        (H, W, 3) uint8, red first.
    """
    gap = PLAIN.line_height // 2
    labels = [_label(row.label) for row in rows]
    widths = [_column_width(n, rows, heading) for n, heading in enumerate(columns)]
    headings = [PLAIN.line(heading, most=width) for heading, width in zip(columns, widths, strict=True)]
    widths.insert(0, max((label.shape[1] for label in labels), default=0))
    lines = [[blank(0, 0), *headings]]
    for row, label in zip(rows, labels, strict=True):
        cells = [
            _paragraph(cell, width, PLAIN) if isinstance(cell, str) else cell
            for cell, width in zip(row.cells, widths[1:], strict=True)
        ]
        lines.append([label, *cells])
    body = in_column([_aligned(line, widths, gap) for line in lines], gap)
    if legend is not None:
        body = in_row([body, in_column([blank(PLAIN.line_height, 0), legend], gap)], 2 * gap)
    room = max(body.shape[1], NARROWEST)
    heading = [BOLD.line(title, most=room), *(_paragraph(note, room, PLAIN) for note in notes)]
    return framed(in_column([in_column(heading, 0), body], gap), 2 * gap)


def broken(text: str, width: int, lettering: Lettering) -> list[str]:
    """A text in lines of at most `width` pixels, broken between words; a longer word has a line of its own.

    The standard library's textwrap counts letters, which are not of one width.
    """
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and lettering.width(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _column_width(n: int, rows: Sequence[TableRow], heading: str) -> int:
    room = PLAIN.width("m" * ROOM_FOR_WORDS)
    widest = max(room if isinstance(cell, str) else cell.shape[1] for cell in (row.cells[n] for row in rows))
    return max(widest, min(PLAIN.width(heading), WIDEST_HEADING * widest))


def _label(lines: Sequence[str]) -> Array:
    return in_column(
        [_paragraph(line, LABEL_WIDTH, PLAIN if place else BOLD) for place, line in enumerate(lines or [""])],
        0,
    )


def _paragraph(text: str, width: int, lettering: Lettering) -> Array:
    return in_column([lettering.line(line, most=width) for line in broken(text, width, lettering) or [""]], 0)


def _aligned(cells: Sequence[Array], widths: Sequence[int], gap: int) -> Array:
    return in_row([padded(cell, len(cell), width) for cell, width in zip(cells, widths, strict=True)], gap)
