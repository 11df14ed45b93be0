"""Charts of a report as SVG: scores against thresholds, and the ROC curve."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from xml.dom import minidom  # nosec B408  # of a figure of our own

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import auc, roc_curve

from modmap.types import Array

BAR, LINE, THRESHOLD, GOOD = "#7b8ea3", "#1d2733", "#d55e00", "#0072b2"
BINS = 60
# Where a bar of one voxel begins on the logarithmic axis.
FEWEST = 0.5
# Pixels of the histogram, its axes' margins, and the rows of names over it.
WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 52, 44
AXES_HEIGHT = HEIGHT - TOP - BOTTOM
ROWS, ROW_HEIGHT = 3, 15
# Pixels below the axes between which the marks of good scans are.
GOOD_MARKS = (34, 22)
ROC_WIDTH, ROC_HEIGHT = 348, 316
STYLE = {
    "axes.edgecolor": LINE,
    "axes.labelcolor": LINE,
    "figure.dpi": 72,
    "font.size": 12,
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "modmap",
    "text.color": LINE,
    "xtick.labelcolor": LINE,
    "xtick.major.size": 0,
    "ytick.labelcolor": LINE,
    "ytick.major.size": 0,
}


def score_histogram(
    scores: Iterable[Array], *, score: float, thresholds: Sequence[tuple[str, float]], good: Sequence[float]
) -> str:
    """How many voxels (or pixels) have which score, on a logarithmic axis, beside the calibration.

    Args:
        scores: (M,) the scan's scores, in parts that are in memory one at a time.
        score: The scan's own.
        thresholds: Names and values; a dashed line for each.
        good: Scores of the good scans; a mark for each under the axis.
    """
    last = max([score, *good, *(value for _, value in thresholds), 1e-12]) * 1.05
    counts, edges = np.zeros(BINS, dtype=np.int64), np.linspace(0.0, last, BINS + 1)
    for part in scores:
        counts += np.histogram(part, bins=BINS, range=(0.0, last))[0]
    with matplotlib.style.context(["default", STYLE]):
        figure, axes = chart(WIDTH, HEIGHT, left=LEFT, right=RIGHT, top=TOP, bottom=BOTTOM)
        axes.set(xlim=(0, last), ylim=(FEWEST, 1.3 * max(counts.max(), 10)), yscale="log")
        axes.spines[["left", "right", "top"]].set_visible(False)
        axes.minorticks_off()
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        bars = np.maximum(counts - FEWEST, 0)
        axes.bar(edges[:-1], bars, width=0.93 * edges[1], bottom=FEWEST, align="edge", color=BAR)
        for row, (name, value) in enumerate(thresholds):
            _mark(axes, name, value, row, color=THRESHOLD, linestyle="--")
        _mark(axes, "score", score, len(thresholds), color=LINE)
        if len(good):
            _good_marks(axes, good)
        return svg(figure, "Histogram of scores beside the calibration")


def roc_chart(scores: Sequence[float], anomalous: Sequence[bool]) -> str:
    """The ROC curve over scans, with its area.

    Args:
        scores: Each scan's.
        anomalous: Each scan's label; both kinds occur.
    """
    false_positive_rate, true_positive_rate, _ = roc_curve(anomalous, scores, drop_intermediate=False)
    with matplotlib.style.context(["default", STYLE]):
        figure, axes = chart(ROC_WIDTH, ROC_HEIGHT, left=44, right=44, top=12, bottom=44)
        axes.set(xlim=(0, 1), xticks=(0, 0.5, 1), xlabel="good scans over the threshold")
        axes.set(ylim=(0, 1), yticks=(0, 0.5, 1), ylabel="defective scans over it")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.axline((0, 0), slope=1, color=BAR, linestyle="--", linewidth=1)
        axes.plot(
            false_positive_rate, true_positive_rate, color=GOOD, linewidth=2.5, clip_on=False, gid="roc"
        )
        axes.text(0.96, 0.05, f"area {auc(false_positive_rate, true_positive_rate):.3f}", ha="right")
        return svg(figure, "ROC curve")


def chart(width: int, height: int, *, left: int, right: int, top: int, bottom: int) -> tuple[Figure, Axes]:
    """A figure of some pixels, and axes with some pixels around them."""
    figure = Figure(figsize=(width / 72, height / 72))
    place = (left / width, bottom / height, 1 - (left + right) / width, 1 - (top + bottom) / height)
    return figure, figure.add_axes(place)


def _mark(axes: Axes, name: str, value: float, row: int, **line: str) -> None:
    """A line at a score and its name beside it, in one of the rows over the axes so that names stay apart."""
    over = ROW_HEIGHT * (row % ROWS)
    axes.axvline(value, 0, 1 + (4 + over) / AXES_HEIGHT, linewidth=2, clip_on=False, **line)
    leftwards = value > axes.get_xlim()[1] / 2
    axes.annotate(
        f"{name} {value:.3g}",
        (value, 1),
        xytext=(-4 if leftwards else 4, 2 + over),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        horizontalalignment="right" if leftwards else "left",
        # Over the lines of others.
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )


def _good_marks(axes: Axes, good: Sequence[float]) -> None:
    low, high = (-below / AXES_HEIGHT for below in GOOD_MARKS)
    axes.text(-0.01, (low + high) / 2, "good", ha="right", va="center", transform=axes.transAxes)
    for one in good:
        axes.axvline(one, low, high, color=GOOD, linewidth=2, clip_on=False, gid=f"good: {one:.4g}")


def svg(figure: Figure, label: str) -> str:
    """The figure as a labelled element that fills its column; over the mark of a good scan, its score comes up."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    document = minidom.parseString(file.getvalue())  # nosec B318  # drawn above
    (root,) = document.getElementsByTagName("svg")
    width = float(root.getAttribute("viewBox").split()[2])
    root.removeAttribute("width")
    root.removeAttribute("height")
    root.setAttribute("style", f"max-width:{width:g}px;width:100%")
    root.setAttribute("role", "img")
    root.setAttribute("aria-label", label)
    for group in root.getElementsByTagName("g"):
        if group.getAttribute("id").startswith("good: "):
            title = document.createElement("title")
            title.appendChild(document.createTextNode(group.getAttribute("id")))
            group.insertBefore(title, group.firstChild)
            group.removeAttribute("id")
    return root.toxml()
