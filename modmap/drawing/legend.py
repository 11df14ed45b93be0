"""The bar beside a picture that says which colour is which score."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import MaxNLocator

from modmap.drawing.colours import blend, colourise
from modmap.drawing.layout import blank
from modmap.drawing.lettering import INK, Lettering
from modmap.types import Array

HEADING = "score"
LINES_PER_TICK = 2.5
FEWEST_LINES = 7
MIDDLE_GRAY = 128


def draw_legend(
    height: int, top: float, *, lettering: Lettering, over_gray: bool = True, heading: str = HEADING
) -> Array:
    """A vertical bar of the colours from 0 to `top` with round scores beside it.

    Args:
        height: Pixels wished for; taller where the numbers need it.
        top: Score at the upper end.
        lettering: Size of the numbers.
        over_gray: Draw the colours as they look over middle gray, else as they are.
        heading: What the numbers are.

    Returns:
        (at least height, W, 3) uint8, red first.
    """
    line = lettering.line_height
    height = max(height, FEWEST_LINES * line)
    title = lettering.line(heading)
    first, last = title.shape[0] + line // 2 + 2, height - 1 - line // 2 - 1
    bar = _bar(last - first + 1, top, width=max(8, line), over_gray=over_gray)
    marks = score_ticks(top, most=int((last - first) / (LINES_PER_TICK * line)))
    labels = [(round(last - value / top * (last - first)), lettering.line(text)) for value, text in marks]
    dash = max(3, line // 4)
    left = bar.shape[1] + 2 * dash
    picture = blank(height, max(title.shape[1], left + max(label.shape[1] for _, label in labels)))
    picture[: title.shape[0], : title.shape[1]] = title
    picture[first : last + 1, : bar.shape[1]] = bar
    for row, label in labels:
        picture[row, bar.shape[1] : bar.shape[1] + dash] = INK
        upper = row - label.shape[0] // 2
        picture[upper : upper + label.shape[0], left : left + label.shape[1]] = label
    return picture


def score_ticks(top: float, *, most: int) -> list[tuple[float, str]]:
    """Round scores from 0 up, at steps of 1, 2 or 5 times a power of ten, and `top` itself.

    Args:
        top: The last score.
        most: How many steps of a tick fit; what would come too close to `top` is left out.

    Returns:
        The scores, rising, and how they are written.
    """
    locator = MaxNLocator(max(most, 1), steps=[1, 2, 5, 10], min_n_ticks=1)
    zero, step, *more = (float(value) for value in locator.tick_values(0, top))
    below = [value for value in (step, *more) if value <= top - step / 2]
    return [(value, f"{value:.3g}") for value in (zero, *below, top)]


def _bar(height: int, top: float, *, width: int, over_gray: bool) -> Array:
    ramp = np.repeat(np.linspace(top, 0, height)[:, None], width, axis=1)
    if not over_gray:
        return colourise(ramp, top)
    return blend(np.full(ramp.shape, MIDDLE_GRAY, dtype=np.uint8), ramp, top)
