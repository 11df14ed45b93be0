"""Housings of centrifugal pumps: a scroll, its outlet and inlet flanges, feet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import build123d as cad
import numpy as np

from benchmarks.cadscan.part import Feature
from benchmarks.cadscan.parts.model import (
    Carved,
    Model,
    Point2,
    around,
    block,
    feature,
    rod,
    rounded,
    single,
    tab,
    turned,
)


@dataclass(frozen=True)
class PumpSizes:
    """Lengths in mm. The scroll's radius grows from `scroll` to `scroll + growth` once around."""

    scroll: float
    growth: float
    height: float
    base: float
    inlet: float
    inlet_flange: float
    inlet_height: float
    outlet: float
    outlet_flange: float
    outlet_length: float
    flange: float
    foot: float
    wall: float
    rounding: float
    inlet_holes: int


def draw(rng: np.random.Generator) -> PumpSizes:
    """A nominal housing, 120 to 330 mm over all."""
    scroll = float(rng.uniform(42, 95))
    height = scroll * float(rng.uniform(0.6, 0.8))
    inlet = scroll * float(rng.uniform(0.5, 0.7))
    outlet = scroll * float(rng.uniform(0.32, 0.42))
    return PumpSizes(
        scroll=scroll,
        growth=scroll * float(rng.uniform(0.3, 0.45)),
        height=height,
        base=scroll * float(rng.uniform(0.1, 0.14)),
        inlet=inlet,
        inlet_flange=inlet + scroll * float(rng.uniform(0.55, 0.7)),
        inlet_height=scroll * float(rng.uniform(0.25, 0.45)),
        outlet=outlet,
        outlet_flange=outlet + scroll * float(rng.uniform(0.4, 0.5)),
        outlet_length=scroll * float(rng.uniform(1.25, 1.55)),
        flange=scroll * float(rng.uniform(0.11, 0.15)),
        foot=scroll * float(rng.uniform(0.16, 0.2)),
        wall=scroll * float(rng.uniform(0.06, 0.09)),
        rounding=height * float(rng.uniform(0.2, 0.3)),
        inlet_holes=int(rng.choice([4, 6, 8])),
    )


def model(sizes: PumpSizes) -> Model:
    """The housing on its feet, the inlet up, the outlet along +y."""
    middle = sizes.base + sizes.height / 2
    across = sizes.scroll + sizes.growth - sizes.outlet / 2 - sizes.wall
    top = sizes.base + sizes.height
    face = top + sizes.inlet_height
    pipe = rod(
        (across, 0, middle), (0, 1, 0), diameter=sizes.outlet + 2 * sizes.wall, length=sizes.outlet_length
    )
    joined = (_inlet(sizes, top, face), pipe, _outlet_flange(sizes, across, middle), *_feet(sizes))
    cavity = rod(
        (0, 0, sizes.base + sizes.wall),
        (0, 0, 1),
        diameter=2 * (sizes.scroll - 2 * sizes.wall),
        length=sizes.height - 2 * sizes.wall,
    )
    bores = [
        cavity,
        rod((0, 0, middle), (0, 0, 1), diameter=sizes.inlet, length=face),
        rod((across, 0, middle), (0, 1, 0), diameter=sizes.outlet, length=sizes.outlet_length + 5),
    ]
    drills, features = _drilling(sizes, face, across, middle)
    return Model((Carved(_scroll(sizes), joined, ((*bores, *drills),)),), tuple(features))


def _scroll(sizes: PumpSizes) -> cad.Solid:
    """The scroll, its upper and lower edges rounded as a casting's."""
    angles = np.linspace(0, 2 * math.pi, 25)
    radii = sizes.scroll + sizes.growth * angles / (2 * math.pi)
    points = [(float(r * math.cos(a)), float(r * math.sin(a))) for a, r in zip(angles, radii, strict=True)]
    outline = cad.make_face([cad.Spline(*points), cad.Line(points[-1], points[0])])
    solid = single(cad.extrude(cad.Pos(0, 0, sizes.base) * outline, amount=sizes.height))
    rims = [e for e in solid.edges() if e.length > 2 * sizes.scroll and abs(e.bounding_box().size.Z) < 1e-3]
    return rounded(solid, rims, sizes.rounding)


def _inlet(sizes: PumpSizes, top: float, face: float) -> cad.Solid:
    """Neck and flange of the inlet, solid."""
    neck, flange = sizes.inlet / 2 + 1.5 * sizes.wall, sizes.inlet_flange / 2
    under = face - sizes.flange
    return turned(
        [
            (0, top - sizes.rounding),
            (neck + 3 * sizes.wall, top - sizes.rounding),
            (neck + 3 * sizes.wall, top),
            (neck, top + 0.5 * (under - top)),
            (neck, under),
            (flange, under),
            (flange, face - 1),
            (flange - 1, face),
            (0, face),
        ]
    )


def _outlet_flange(sizes: PumpSizes, across: float, middle: float) -> cad.Solid:
    """The square flange at the outlet's end."""
    half = sizes.outlet_flange / 2
    low = sizes.outlet_length - sizes.flange
    box = block((across - half, across + half), (low, sizes.outlet_length), (middle - half, middle + half))
    return rounded(box, box.edges().filter_by(cad.Axis.Y), 0.3 * half)


def _feet(sizes: PumpSizes) -> list[cad.Solid]:
    """A pedestal under the scroll and the two feet it stands on."""
    reach = 1.12 * sizes.scroll
    pedestal = rod((0, 0, 0), (0, 0, 1), diameter=1.5 * sizes.scroll, length=sizes.base + sizes.rounding)
    feet = []
    for side in (-1, 1):
        y = side * 0.62 * sizes.scroll
        bar = block((-reach, reach), (y - 0.22 * sizes.scroll, y + 0.22 * sizes.scroll), (0, sizes.base))
        feet.append(rounded(bar, bar.edges().filter_by(cad.Axis.Z), 0.15 * sizes.scroll))
    return [pedestal, *feet]


def _drilling(
    sizes: PumpSizes, face: float, across: float, middle: float
) -> tuple[list[cad.Shape[Any]], list[Feature]]:
    """The bolt holes of inlet, outlet and feet, and the places that can be bent."""
    drills: list[cad.Shape[Any]] = []
    features = []
    bolt = 0.3 * (sizes.inlet_flange - sizes.inlet) / 2
    for x, y in around(sizes.inlet_holes, (sizes.inlet + sizes.inlet_flange) / 4 + 0.5 * sizes.wall):
        drills.append(rod((x, y, face - sizes.flange - 1), (0, 0, 1), diameter=bolt, length=sizes.flange + 2))
        features.append(feature("hole", (x, y, face), (0, 0, 1), bolt, depth=sizes.flange))
    quarter, end = 0.37 * sizes.outlet_flange, sizes.outlet_length
    bolt = 0.12 * sizes.outlet_flange
    corners: list[Point2] = [(sx * quarter, sz * quarter) for sx in (-1, 1) for sz in (-1, 1)]
    for x, z in corners:
        place = (across + x, end, middle + z)
        drills.append(rod((place[0], end + 1, place[2]), (0, -1, 0), diameter=bolt, length=sizes.flange + 2))
        features.append(feature("hole", place, (0, 1, 0), bolt, depth=sizes.flange))
    x, y = 0.95 * sizes.scroll, 0.62 * sizes.scroll
    for sx, sy in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        place = (sx * x, sy * y, sizes.base)
        drills.append(rod((place[0], place[1], -1), (0, 0, 1), diameter=sizes.foot, length=sizes.base + 2))
        features.append(feature("hole", place, (0, 0, 1), sizes.foot, depth=sizes.base))
    half = sizes.outlet_flange / 2 - 0.1 * sizes.outlet_flange
    s = math.sqrt(0.5)
    for sx in (-1, 1):
        place = (across + sx * half, end, middle + half)
        length = 0.25 * sizes.outlet_flange
        features.append(tab(place, (0, 1, 0), (sx * s, 0, s), length=length, width=2 * length))
    return drills, features
