"""Involute spur gears with hub, web, bore and keyway."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import build123d as cad
import numpy as np
from bd_warehouse.gear import SpurGear

from benchmarks.cadscan.part import Feature
from benchmarks.cadscan.parts.model import Carved, Model, around, block, feature, polar, rod, turned


@dataclass(frozen=True)
class GearSizes:
    """Lengths in mm; the module follows from the tip diameter and the number of teeth."""

    tip_diameter: float
    face_width: float
    hub_diameter: float
    hub_height: float
    bore: float
    rim: float
    recess: float
    lightening: float
    teeth: int
    lightening_holes: int

    @property
    def tooth_module(self) -> float:
        """Pitch diameter over teeth, mm."""
        return self.tip_diameter / (self.teeth + 2)

    @property
    def root_diameter(self) -> float:
        """mm, with the usual dedendum of 1.25 modules."""
        return self.tip_diameter - 4.5 * self.tooth_module


def draw(rng: np.random.Generator) -> GearSizes:
    """A nominal gear of 70 to 260 mm, 18 to 48 teeth."""
    tip, teeth = float(rng.uniform(70, 260)), int(rng.integers(18, 49))
    root = tip * (1 - 4.5 / (teeth + 2))
    bore = float(rng.uniform(0.15, 0.2)) * root
    hub, rim = bore * float(rng.uniform(1.7, 2.0)), root * float(rng.uniform(0.06, 0.08))
    face = tip * float(rng.uniform(0.1, 0.2))
    return GearSizes(
        tip_diameter=tip,
        face_width=face,
        hub_diameter=hub,
        hub_height=face * float(rng.uniform(1.0, 1.5)),
        bore=bore,
        rim=rim,
        recess=face * float(rng.uniform(0.1, 0.3)),
        lightening=0.6 * (root / 2 - rim - hub / 2) * float(rng.uniform(0.7, 1.1)),
        teeth=teeth,
        lightening_holes=int(rng.choice([0, 4, 5, 6])),
    )


def model(sizes: GearSizes) -> Model:
    """The gear on its side, the longer end of the hub up."""
    module, face = sizes.tooth_module, sizes.face_width
    blank = SpurGear(
        module=module,
        tooth_count=sizes.teeth,
        pressure_angle=20,
        thickness=face,
        root_fillet=None,
        align=(cad.Align.CENTER, cad.Align.CENTER, cad.Align.MIN),
    ).solid()
    hub, inner = sizes.hub_diameter / 2, sizes.root_diameter / 2 - sizes.rim
    tools: list[cad.Shape[Any]] = []
    for low, high in ((-1.0, sizes.recess), (face - sizes.recess, face + 1.0)):
        tools.append(turned([(hub, low), (inner, low), (inner, high), (hub, high)]))
    ring = (hub + inner) / 2
    places = around(sizes.lightening_holes, ring, phase=math.pi / 2) if sizes.lightening_holes else []
    tools += [rod((x, y, -1), (0, 0, 1), diameter=sizes.lightening, length=face + 2) for x, y in places]
    top = max(sizes.hub_height, face)
    key = 0.28 * sizes.bore
    bore = rod((0, 0, -1), (0, 0, 1), diameter=sizes.bore, length=top + 2)
    keyway = block((0, sizes.bore / 2 + 0.45 * key), (-key / 2, key / 2), (-1, top + 2))
    joined = (_hub(sizes),) if sizes.hub_height > face + 1 else ()
    body = Carved(blank, joined, ((*tools, bore, keyway),))
    web = face - sizes.recess
    holes = [
        feature("hole", (x, y, web), (0, 0, 1), sizes.lightening, depth=face - 2 * sizes.recess)
        for x, y in places
    ]
    return Model((body,), (*holes, *_teeth(sizes, blank)))


def _hub(sizes: GearSizes) -> cad.Solid:
    """The hub with its upper edge broken."""
    hub, top, low = sizes.hub_diameter / 2, sizes.hub_height, sizes.recess
    return turned([(0, low), (hub, low), (hub, top - 1), (hub - 1, top), (0, top)])


def _teeth(sizes: GearSizes, blank: cad.Solid) -> list[Feature]:
    """One feature per tooth, its tip in the middle of the face width."""
    tip, height = sizes.tip_diameter / 2, 2.25 * sizes.tooth_module
    features = []
    for x, y in around(sizes.teeth, tip, phase=_first_tooth(blank, sizes)):
        outward, sideways = polar((x, y))
        features.append(
            feature(
                "tooth",
                (x, y, sizes.face_width / 2),
                sideways,
                height,
                depth=sizes.face_width,
                direction=np.array(outward),
            )
        )
    return features


def _first_tooth(blank: cad.Solid, sizes: GearSizes) -> float:
    """The angle of a tooth's middle: the corners at the tip circle lie evenly about the middles."""
    corners = np.array([(v.X, v.Y) for v in blank.vertices()])
    corners = corners[np.hypot(*corners.T) > 0.5 * sizes.tip_diameter - 0.1 * sizes.tooth_module]
    angles = np.arctan2(corners[:, 1], corners[:, 0])
    return float(np.angle(np.exp(1j * sizes.teeth * angles).mean()) / sizes.teeth)
