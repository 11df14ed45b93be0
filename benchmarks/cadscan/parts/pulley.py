"""V-belt pulleys: a grooved rim, a web with openings, a hub with keyway."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import build123d as cad
import numpy as np

from benchmarks.cadscan.part import Feature
from benchmarks.cadscan.parts.model import Model, around, block, cut, feature, polar, rod, tab, turned

_HALF_ANGLE = math.radians(18)  # of a V-belt's groove


@dataclass(frozen=True)
class PulleySizes:
    """Lengths in mm."""

    outer_diameter: float
    groove_pitch: float
    groove_top: float
    groove_depth: float
    side: float
    rim: float
    web: float
    hub_diameter: float
    hub_height: float
    bore: float
    opening: float
    set_screw: float
    grooves: int
    openings: int


def draw(rng: np.random.Generator) -> PulleySizes:
    """A nominal pulley of 80 to 260 mm, one to four grooves of section SPZ, SPA or SPB."""
    top, pitch, depth, side = [(9.7, 12.0, 11.0, 8.0), (12.7, 15.0, 13.8, 10.0), (16.3, 19.0, 17.5, 12.5)][
        int(rng.integers(3))
    ]
    outer, grooves = float(rng.uniform(8.5 * top, min(260.0, 20 * top))), int(rng.integers(1, 5))
    rim = outer / 2 - depth - max(4.0, 0.05 * outer)
    width = 2 * side + (grooves - 1) * pitch
    bore = float(rng.uniform(0.14, 0.18)) * outer
    hub = 1.75 * bore
    gap = rim - hub / 2
    return PulleySizes(
        outer_diameter=outer,
        groove_pitch=pitch,
        groove_top=top,
        groove_depth=depth,
        side=side,
        rim=rim,
        web=max(5.0, 0.25 * width),
        hub_diameter=hub,
        hub_height=width * float(rng.uniform(1.0, 1.35)),
        bore=bore,
        opening=0.68 * gap,
        set_screw=max(4.0, 0.2 * bore),
        grooves=grooves,
        openings=int(rng.integers(4, 7)) if gap > 12 else 0,
    )


def model(sizes: PulleySizes) -> Model:
    """The pulley on its side, the hub upright; the rim's middle on the web's."""
    width = 2 * sizes.side + (sizes.grooves - 1) * sizes.groove_pitch
    hub_top = max(sizes.hub_height, width)
    web = (0.5 * (width - sizes.web), 0.5 * (width + sizes.web))
    hub, rim, outer, bore = sizes.hub_diameter / 2, sizes.rim, sizes.outer_diameter / 2, sizes.bore / 2
    slope = 0.06 * (0.5 * (width - sizes.web))  # the draught of a casting
    profile: list[tuple[float, float]] = [(bore, 0.0), (hub - 1, 0.0), (hub, 1.0), (hub + slope, web[0])]
    profile += [(rim - slope, web[0]), (rim, 0.0), (outer - 1, 0.0), (outer, 1.0)]
    for i in range(sizes.grooves):
        middle = sizes.side + i * sizes.groove_pitch
        half = sizes.groove_top / 2
        floor = half - sizes.groove_depth * math.tan(_HALF_ANGLE)
        profile += [(outer, middle - half), (outer - sizes.groove_depth, middle - floor)]
        profile += [(outer - sizes.groove_depth, middle + floor), (outer, middle + half)]
    profile += [(outer, width - 1), (outer - 1, width), (rim, width), (rim - slope, web[1])]
    profile += [(hub + slope, web[1]), (hub, hub_top - 1), (hub - 1, hub_top), (bore, hub_top)]
    body = turned(profile)
    ring = (hub + rim) / 2
    places = around(sizes.openings, ring) if sizes.openings else []
    tools: list[cad.Shape[Any]] = [
        rod((x, y, -1), (0, 0, 1), diameter=sizes.opening, length=width + 2) for x, y in places
    ]
    key = 0.28 * sizes.bore
    tools.append(block((0, bore + 0.45 * key), (-key / 2, key / 2), (-1, hub_top + 1)))
    features = [feature("hole", (x, y, web[1]), (0, 0, 1), sizes.opening, depth=sizes.web) for x, y in places]
    if hub_top > web[1] + 2.2 * sizes.set_screw and hub_top - width > 1.2 * sizes.set_screw:
        z = hub_top - 0.9 * sizes.set_screw
        tools.append(rod((0, 0, z), (-1, 0, 0), diameter=sizes.set_screw, length=hub + 5))
        features.append(feature("hole", (-hub, 0, z), (-1, 0, 0), sizes.set_screw, depth=hub - bore))
    return Model((cut(body, tools),), (*features, *_rim_tabs(sizes, width)))


def _rim_tabs(sizes: PulleySizes, width: float) -> list[Feature]:
    """Places of the uppermost rim flange, which a fall bends."""
    length = 0.6 * sizes.groove_depth
    return [
        tab((x, y, width), (0, 0, 1), polar((x, y))[0], length=length, width=0.2 * sizes.outer_diameter)
        for x, y in around(8, sizes.outer_diameter / 2)
    ]
