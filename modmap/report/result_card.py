"""A result as a notebook shows it: the verdict, and the final map of every view on one scale."""

from __future__ import annotations

from html import escape

from modmap.drawing.colours import BACKGROUND, colourise
from modmap.drawing.reduction import nearest, reduced_size
from modmap.report.page_parts import gradient, number, picture_uri
from modmap.result import Result

LONGEST_SIDE = 200
COLOURS = {"pass": "#0b6e4f", "fail": "#a4161a", None: "#51606f"}


def result_card(result: Result) -> str:
    """HTML of a result, without the stylesheet of a page."""
    verdict = result.verdict
    # A scan that scores nothing anywhere still needs a scale to be drawn on.
    top = result.score if result.score > 0 else 1.0
    told = f"score {number(result.score, 4)}"
    if result.calibration is not None:
        told += f", p-value {number(result.p_value)}; {result.calibration.describe()}"
    pictures = []
    for view_id, maps in result.views.items():
        scores = maps.combined()
        reduced = nearest(scores, reduced_size(scores.shape, LONGEST_SIDE))
        uri = picture_uri(colourise(reduced, top, background=BACKGROUND), photo=False)
        name = escape(view_id)
        pictures.append(
            f'<figure style="margin:0"><img src="{uri}" alt="final map of view {name}">'
            f"<figcaption>{name}</figcaption></figure>"
        )
    return (
        f'<div><p><b style="color:{COLOURS[verdict]}">{(verdict or "no verdict").upper()}</b> '
        f"<b>{escape(result.scan)}</b> {escape(told)}</p>"
        f'<p>0 <span style="display:inline-block;width:200px;height:12px;background:{gradient()}"></span> {top:.3g}</p>'
        f'<div style="display:flex;flex-wrap:wrap;gap:8px">{"".join(pictures)}</div></div>'
    )
