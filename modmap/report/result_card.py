"""A result as a notebook shows it: the verdict, and the final map of every view on one scale."""

from __future__ import annotations

from modmap.drawing.colours import BACKGROUND, colourise
from modmap.drawing.reduction import nearest, reduced_size
from modmap.report.picture_address import picture_address
from modmap.report.templates import render
from modmap.result import Result, ViewMaps

LONGEST_SIDE = 200


def result_card(result: Result) -> str:
    """HTML of a result, without the stylesheet of a page."""
    # A scan that scores nothing anywhere still needs a scale to be drawn on.
    top = result.score if result.score > 0 else 1.0
    maps = {view_id: _final_map(maps, top) for view_id, maps in result.views.items()}
    return render("result_card.html", result=result, top=top, maps=maps)


def _final_map(maps: ViewMaps, top: float) -> str:
    scores = maps.combined()
    reduced = nearest(scores, reduced_size(scores.shape, LONGEST_SIDE))
    return picture_address(colourise(reduced, top, background=BACKGROUND), photo=False)
