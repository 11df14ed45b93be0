"""What the pages of a report are put together from."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from modmap.drawing.colours import palette
from modmap.drawing.legend import score_ticks
from modmap.errors import ModMapError

Array = npt.NDArray[Any]

LOSSLESS = 101
PHOTO_QUALITY = 80
LEGEND_STEPS = 8
LEGEND_STOPS = 24


def whole_page(title: str, body: str, *, script: str, data: Any = None) -> str:
    """A self-contained HTML page.

    Args:
        title: Text.
        body: HTML.
        script: Name of the script beside the stylesheet.
        data: What the script reads, as JSON.
    """
    # "</script" would end the script element, and "<!--<script" keep it from ending.
    text = json.dumps(data).replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{_page_file("report.css")}</style>
<script type="application/json" id="data">{text}</script>
<script>
{_page_file(script)}</script>
</head>
<body><main>
{body}
</main></body>
</html>
"""


def picture_uri(picture: Array, *, photo: bool) -> str:
    """A picture as a `data:` address.

    Args:
        picture: (H, W, 3) uint8, red first, or (H, W) gray.
        photo: Compress as one; else colours are kept exactly.
    """
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    quality = PHOTO_QUALITY if photo else LOSSLESS
    done, encoded = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not done:
        raise ModMapError(f"report: expected OpenCV to encode a WebP of {picture.shape}, found it refused")
    return "data:image/webp;base64," + base64.b64encode(encoded.tobytes()).decode()


def legend(top: float, *, marks: Sequence[tuple[str, float]] = ()) -> str:
    """The colour scale from 0 to `top` with round scores under it, and a line at each mark."""
    ticks = "".join(
        f'<span style="left:{100 * value / top:.2f}%">{text}</span>'
        for value, text in score_ticks(top, most=LEGEND_STEPS)
    )
    lines = "".join(
        f'<i style="left:{100 * value / top:.2f}%" title="{escape(name)}: {value:.4g}"></i>'
        for name, value in marks
        if 0 <= value <= top
    )
    return f'<div class="legend"><div class="bar" style="background:{gradient()}"></div>{ticks}{lines}</div>'


def gradient() -> str:
    """The colours of the scale, as a CSS background."""
    colours = palette()[np.linspace(0, 255, LEGEND_STOPS).astype(int)]
    stops = ", ".join(f"rgb({r},{g},{b})" for r, g, b in colours.tolist())
    return f"linear-gradient(to right, {stops})"


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Names and values, as a list."""
    return "<dl>" + "".join(f"<dt>{escape(n)}</dt><dd>{escape(v)}</dd>" for n, v in rows) + "</dl>"


def number(value: float | None, digits: int = 3) -> str:
    """A number for people; empty where there is none."""
    return "" if value is None else f"{value:.{digits}g}"


def _page_file(name: str) -> str:
    return files("modmap.report").joinpath("page", name).read_text(encoding="utf-8")
