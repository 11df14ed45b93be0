"""What a scan says nothing of, as its page tells it: how much, where, and which view would have shown it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modmap.drawing.hatching import STRIPES
from modmap.not_inspected import OMISSIONS, NotInspectedRecord, Omission
from modmap.pod.record import BlindPlace
from modmap.report.part_view import camera_towards
from modmap.scan import Scan
from modmap.types import Array

MOST_BLIND = 12
MOST_VIEWS = 4  # that are named
SPANS = 4.0  # of a region's own size, that the picture shows around it
LEAST_SPAN_MM = 40.0


@dataclass(frozen=True)
class Stripe:
    """One reason as the page's legend shows it.

    Attributes:
        name: The reason, which is the object's name in the 3D view.
        share: Of the nominal surface, in [0, 1].
        background: CSS.
    """

    name: str
    share: float
    background: str


@dataclass(frozen=True)
class Place:
    """A place that the 3D view can be turned to.

    Attributes:
        reason: Why it isn't, or can't be, inspected.
        area_mm2: Of the surface.
        centre_mm: Its middle.
        views: What is told of views there.
        camera: Where the 3D view's camera looks at it from; None where its side isn't known.
    """

    reason: str
    area_mm2: float
    centre_mm: tuple[float, float, float]
    views: str
    camera: list[float] | None


@dataclass(frozen=True)
class Omitted:
    """What the page says of what wasn't inspected.

    Attributes:
        lines: In plain words.
        stripes: The legend; empty where it isn't known where the surface lies.
        places: The largest connected pieces.
    """

    lines: list[str]
    stripes: list[Stripe]
    places: list[Place]


def omitted_of(summary: Mapping[str, Any], scan: Scan) -> Omitted | None:
    """What is told of what a scan didn't inspect; None where nothing is known.

    Args:
        summary: What `summary.json` says.
        scan: The scan, for its views.
    """
    inspected, asked = summary.get("inspected"), summary.get("least_inspected")
    if inspected is None:
        return None
    lines = [f"This scan shows {inspected:.1%} of the nominal part."]
    if asked:
        lines[0] = f"{lines[0][:-1]}; at least {asked:.0%} must be shown before it can pass."
    if summary.get("not_inspected") is None:
        return Omitted([*lines, _unplaced(summary)], [], [])
    record = NotInspectedRecord(**summary["not_inspected"])
    shares = dict(zip(OMISSIONS, (record.not_measured, record.not_compared), strict=True))
    if record.not_measured == record.not_compared == 0:
        lines.append("All of the nominal surface was measured and compared.")
    else:
        lines.append(
            f"{shares['not measured']:.1%} of the nominal surface was measured by no view of this scan, and "
            f"{shares['not compared']:.1%} was measured but could not be held against the nominal surface. A defect "
            "there can be missed. Both are striped below, where they would lie."
        )
    places = [
        Place(
            reason=one.reason,
            area_mm2=one.area_mm2,
            centre_mm=one.centre_mm,
            views=_views(one.views, scan),
            camera=_camera(one.centre_mm, one.look_from, one.area_mm2),
        )
        for one in record.regions
    ]
    return Omitted(lines, [_stripe(name, share) for name, share in shares.items()], places)


def blind_places(summary: Mapping[str, Any]) -> list[Place]:
    """The places that little or nothing can be found on in any scan, as `modmap pod` found them."""
    return [blind_place(BlindPlace(**entry)) for entry in (summary.get("blind") or [])[:MOST_BLIND]]


def blind_place(one: BlindPlace) -> Place:
    """A blind place as pages show it."""
    views = "more than one side"
    if one.look_from is not None:
        views = "({:+.2f}, {:+.2f}, {:+.2f})".format(*one.look_from)
        if one.nearest_view is not None and one.degrees is not None:
            views += f", {one.degrees:.0f}° from view {one.nearest_view}"
    return Place(
        one.reason, one.area_mm2, one.centre_mm, views, _camera(one.centre_mm, one.look_from, one.area_mm2)
    )


def _unplaced(summary: Mapping[str, Any]) -> str:
    settings = (summary.get("provenance") or {}).get("settings") or {}
    if not (settings.get("evidence") or {}).get("geometry"):
        return (
            "Which surface is missing isn't known: this model doesn't lay scans on the nominal one. "
            "Models of the preset inspect do."
        )
    if summary["inspected"] == 0:
        return (
            "The scan couldn't be laid on the nominal one, for the reason that stands among the notes: nothing of "
            "it was compared, and which surface is missing isn't known."
        )
    return "Which surface is missing wasn't kept: predict the scan again."


def _views(views: list[str], scan: Scan) -> str:
    """The nominal views that show a region, and which of them this scan hasn't."""
    if not views:
        return ""
    named = [one if one in scan.view_ids else f"{one} (not in this scan)" for one in views[:MOST_VIEWS]]
    return ", ".join(named) + (", ..." if len(views) > MOST_VIEWS else "")


def _stripe(name: Omission, share: float) -> Stripe:
    dark, light = STRIPES[name]
    colours = [f"rgb({red}, {green}, {blue})" for red, green, blue in (dark, light)]
    background = f"repeating-linear-gradient(135deg, {colours[0]} 0 4px, {colours[1]} 4px 8px)"
    return Stripe(name, share, background)


def _camera(
    centre: tuple[float, float, float], look_from: tuple[float, float, float] | None, area: float
) -> list[float] | None:
    if look_from is None:
        return None
    direction: Array = np.array(look_from)
    return camera_towards(np.array(centre), direction, span=max(SPANS * float(np.sqrt(area)), LEAST_SPAN_MM))
