"""A scan as a notebook shows it: what is known of it, and a few of its views, small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modmap.drawing.colours import BACKGROUND, colourise_depth
from modmap.drawing.reduction import (
    as_8_bit,
    averaged,
    depth_range,
    evenly_spread,
    measured_depth,
    reduced_size,
)
from modmap.errors import ModMapError
from modmap.report.picture_address import picture_address
from modmap.report.templates import render
from modmap.scan import Scan, View
from modmap.types import Array

MOST_VIEWS = 6
LONGEST_SIDE = 160


@dataclass(frozen=True, eq=False)
class _Thumbnail:
    """One view, reduced.

    Attributes:
        view: Its name.
        shape: (H, W) of the view.
        gray: (h, w) uint8 image.
        depth: (h, w) mm, NaN where nothing was measured.
        nearest: The nearest measured depth of the view, mm; infinite where there is none.
        farthest: The farthest; minus infinity where there is none.
        measured: Share of its pixels with a depth.
    """

    view: str
    shape: tuple[int, int]
    gray: Array
    depth: Array
    nearest: float
    farthest: float
    measured: float


def scan_card(scan: Scan) -> str:
    """HTML of a scan, without the stylesheet of a page.

    At most six views are read, one at a time; where one can't be read, the reason stands in its place.
    """
    read: list[_Thumbnail] = []
    views: list[_Thumbnail | str] = []
    for view in evenly_spread(scan.views, MOST_VIEWS):
        try:
            read.append(_thumbnail(view))
            views.append(read[-1])
        except ModMapError as error:
            views.append(f"view {view.id}: {error}")
    depths = depth_range([one.depth for one in read])
    shown = [one if isinstance(one, str) else _addresses(one, depths) for one in views]
    return render(
        "scan_card.html", scan=scan.name, views=_views(len(scan)), facts=_facts(scan, read), shown=shown
    )


def _thumbnail(view: View) -> _Thumbnail:
    frame = view.load()
    size = reduced_size(frame.shape, LONGEST_SIDE)
    measured = frame.depth > 0
    return _Thumbnail(
        view=view.id,
        shape=frame.shape,
        gray=averaged(as_8_bit(frame.image), size),
        depth=measured_depth(frame.depth, size),
        nearest=float(frame.depth.min(where=measured, initial=np.inf)),
        farthest=float(frame.depth.max(where=measured, initial=-np.inf)),
        measured=float(measured.mean()),
    )


def _facts(scan: Scan, shown: Sequence[_Thumbnail]) -> list[tuple[str, str]]:
    label = {None: "not known", True: "anomalous", False: "nominal"}[scan.anomalous]
    facts = [("category", scan.category or "not known"), ("label", label)]
    facts.append(("ground truth", "none" if scan.ground_truth is None else str(scan.ground_truth)))
    without = [view.id for view in scan.views if view.camera is None]
    if not without:
        cameras = "yes"
    elif len(without) == len(scan):
        cameras = "no"
    else:
        cameras = f"yes, but not of {', '.join(without)}"
    facts.append(("cameras", cameras))
    if shown:
        of = "" if len(shown) == len(scan) else f" ({len(shown)} of {_views(len(scan))} read)"
        sizes = dict.fromkeys(f"{one.shape[1]}x{one.shape[0]}" for one in shown)
        facts.append(("image size", ", ".join(sizes) + of))
        facts.append(("depth", _depth(shown) + of))
    return facts


def _depth(shown: Sequence[_Thumbnail]) -> str:
    low, high = (choose(one.measured for one in shown) for choose in (min, max))
    if high == 0:
        return "nothing measured"
    near, far = min(one.nearest for one in shown), max(one.farthest for one in shown)
    share = f"{low:.1%}" if f"{low:.1%}" == f"{high:.1%}" else f"{low:.1%} to {high:.1%}"
    return f"{near:.1f} to {far:.1f} mm, measured at {share} of the pixels"


def _addresses(one: _Thumbnail, depths: tuple[float, float]) -> dict[str, str]:
    depth = colourise_depth(one.depth, *depths, background=BACKGROUND)
    return {
        "view": one.view,
        "image": picture_address(one.gray, photo=True),
        "depth": picture_address(depth, photo=True),
    }


def _views(count: int) -> str:
    return f"{count} view" + "s" * (count > 1)
