"""Charts of a report as SVG: scores against thresholds, and the ROC curve."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.drawing.legend import score_ticks
from modmap.metrics import instance_auroc

Array = npt.NDArray[Any]

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 52, 44
BINS = 60
BAR, LINE, THRESHOLD, GOOD = "#7b8ea3", "#1d2733", "#d55e00", "#0072b2"


def score_histogram(
    scores: Iterable[Array], *, score: float, thresholds: Sequence[tuple[str, float]], good: Sequence[float]
) -> str:
    """How many voxels (or pixels) have which score, on a logarithmic axis, against the calibration.

    Args:
        scores: (M,) the scan's scores, in parts that are in memory one at a time.
        score: The scan's own.
        thresholds: Names and values; a dashed line each.
        good: Scores of the good scans; a tick each under the axis.
    """
    last = max([score, *good, *(value for _, value in thresholds), 1e-12]) * 1.05
    counts, edges = np.zeros(BINS, dtype=np.int64), np.linspace(0.0, last, BINS + 1)
    for part in scores:
        counts += np.histogram(part, bins=BINS, range=(0.0, last))[0]
    decades = max(1, math.ceil(math.log10(max(int(counts.max(initial=1)), 2))))
    plot_width, plot_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def across(value: float) -> float:
        return LEFT + plot_width * value / last

    def up(count: float) -> float:
        return TOP + plot_height * (1 - math.log10(max(count, 0.5) / 0.5) / (decades + math.log10(2)))

    floor = TOP + plot_height
    parts = [
        f'<rect x="{across(low):.1f}" y="{up(count):.1f}" width="{plot_width / BINS - 0.7:.1f}" '
        f'height="{floor - up(count):.1f}" fill="{BAR}"/>'
        for count, low in zip(counts.tolist(), edges.tolist(), strict=False)
        if count
    ]
    parts += [_text(LEFT - 6, up(10**n) + 4, f"{10**n:,}", anchor="end") for n in range(decades + 1)]
    parts += [
        _text(across(value), floor + 16, text, anchor="middle")
        for value, text in score_ticks(last, most=8)[:-1]
    ]
    parts += [
        f'<line x1="{across(one):.1f}" x2="{across(one):.1f}" y1="{floor + 22:.1f}" y2="{floor + 34:.1f}" '
        f'stroke="{GOOD}" stroke-width="2"><title>good: {one:.4g}</title></line>'
        for one in good
    ]
    if good:
        parts.append(_text(LEFT - 6, floor + 33, "good", anchor="end"))
    marks = [*((name, value, THRESHOLD, "5 4") for name, value in thresholds), ("score", score, LINE, "none")]
    for row, (name, value, colour, dash) in enumerate(marks):
        x = across(value)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4 - 14 * (row % 3):.1f}" y2="{floor}" stroke="{colour}" '
            f'stroke-width="2" stroke-dasharray="{dash}"/>'
        )
        anchor = "end" if x > WIDTH / 2 else "start"
        offset = -4 if anchor == "end" else 4
        parts.append(_text(x + offset, TOP - 6 - 14 * (row % 3), f"{name} {value:.3g}", anchor=anchor))
    parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}" stroke="{LINE}"/>')
    return _svg(parts, WIDTH, HEIGHT, "Histogram of scores against the calibration")


def roc_chart(scores: Sequence[float], anomalous: Sequence[bool]) -> str:
    """The ROC curve over scans, with its area.

    Args:
        scores: Each scan's.
        anomalous: Each scan's label; both kinds occur.
    """
    curve = roc_curve(scores, anomalous)
    side, edge = 260, 44
    points = " ".join(f"{edge + side * fpr:.1f},{14 + side * (1 - tpr):.1f}" for fpr, tpr in curve)
    parts = [
        f'<rect x="{edge}" y="14" width="{side}" height="{side}" fill="none" stroke="{BAR}"/>',
        f'<line x1="{edge}" y1="{14 + side}" x2="{edge + side}" y2="14" stroke="{BAR}" stroke-dasharray="4 4"/>',
        f'<polyline points="{points}" fill="none" stroke="{GOOD}" stroke-width="2.5"/>',
        _text(edge + side / 2, side + 46, "good scans over the threshold", anchor="middle"),
        f'<text transform="translate(14 {14 + side / 2}) rotate(-90)" text-anchor="middle">'
        "defective scans over it</text>",
        _text(edge + side - 8, side, f"area {instance_auroc(scores, anomalous):.3f}", anchor="end"),
    ]
    parts += [
        _text(edge + side * share, side + 30, f"{share:g}", anchor="middle") for share in (0.0, 0.5, 1.0)
    ]
    parts += [
        _text(edge - 6, 18 + side * (1 - share), f"{share:g}", anchor="end") for share in (0.0, 0.5, 1.0)
    ]
    return _svg(parts, side + 2 * edge, side + 56, "ROC curve")


def roc_curve(scores: Sequence[float], anomalous: Sequence[bool]) -> list[tuple[float, float]]:
    """The corners (false, true positive rate) of the curve, equal scores passed together, from (0, 0) to (1, 1)."""
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(anomalous, dtype=bool)
    corners = [(0.0, 0.0)]
    for threshold in np.unique(values)[::-1]:
        over = values >= threshold
        corners.append((float(over[~truth].mean()), float(over[truth].mean())))
    return corners


def _text(x: float, y: float, text: str, *, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(parts: Sequence[str], width: float, height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" style="max-width:{width:g}px;width:100%" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )
