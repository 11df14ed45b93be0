"""Pipe elbows with a flange at both ends, joined by weld beads."""

from __future__ import annotations

import math
from dataclasses import dataclass

import build123d as cad
import numpy as np
from bd_warehouse import flange as asme

from benchmarks.cadscan.part import Feature
from benchmarks.cadscan.parts.model import (
    Carved,
    Model,
    Point2,
    Point3,
    around,
    feature,
    placed,
    polar,
    rod,
    single,
    tab,
    turned,
)

_SIZES = ("1/2", "3/4", "1", "1 1/4", "1 1/2", "2", "2 1/2", "3")


@dataclass(frozen=True)
class ElbowSizes:
    """Lengths in mm."""

    pipe: float
    bore: float
    bend_radius: float
    stub: float
    outer_diameter: float
    thickness: float
    face_diameter: float
    bolt_circle: float
    hole_diameter: float
    bead: float
    holes: int


def draw(rng: np.random.Generator) -> ElbowSizes:
    """A nominal elbow of half an inch to three inches, long radius, class 150."""
    pipe = _SIZES[int(rng.integers(len(_SIZES)))]
    row, drilling = asme.flange_data_class_150[pipe], asme.drilling_class_150[pipe]
    diameter, hole = float(row[4]), asme.imperial_str_to_float(drilling[2])
    return ElbowSizes(
        pipe=diameter,
        bore=float(row[11]),
        bend_radius=max(1.5 * diameter, 0.62 * float(row[0])) * float(rng.uniform(1.0, 1.15)),
        stub=float(rng.uniform(0.05, 0.2)) * diameter + 3,
        outer_diameter=float(row[0]),
        thickness=float(row[2]),
        face_diameter=0.5 * (float(row[3]) + float(drilling[1]) - hole),
        bolt_circle=float(drilling[1]),
        hole_diameter=hole,
        bead=float(rng.uniform(0.04, 0.06)) * diameter,
        holes=int(drilling[3]),
    )


def model(sizes: ElbowSizes) -> Model:
    """The elbow standing on one flange; the other faces +x."""
    rise = 1.6 + sizes.thickness + sizes.stub
    turn, top = sizes.bend_radius, rise + sizes.bend_radius
    end: Point3 = (turn + rise, 0.0, top)
    neck = _neck(sizes)
    other = placed(neck, end, x=(0, 0, 1), z=(-1, 0, 0))
    bores = [
        _bend(sizes.bore / 2, turn, rise),
        rod((0, 0, -1), (0, 0, 1), diameter=sizes.bore, length=rise + 1),
        rod(end, (-1, 0, 0), diameter=sizes.bore, length=rise),
        rod((end[0] - 0.5, 0, top), (1, 0, 0), diameter=sizes.bore, length=3),
    ]
    places = around(sizes.holes, sizes.bolt_circle / 2, phase=math.pi / sizes.holes)
    through = sizes.thickness + 4
    drills = [rod((x, y, -1), (0, 0, 1), diameter=sizes.hole_diameter, length=through) for x, y in places]
    drills += [
        rod((end[0] + 1, y, top + x), (-1, 0, 0), diameter=sizes.hole_diameter, length=through)
        for x, y in places
    ]
    body = Carved(_bend(sizes.pipe / 2, turn, rise), (neck, other), (tuple(bores), tuple(drills)))
    return Model((body,), tuple(_features(sizes, places, end)))


def _bend(radius: float, turn: float, rise: float) -> cad.Solid:
    """A round bar of `radius` bent by a right angle, from z up at the origin to +x."""
    section = cad.Plane(origin=(0, 0, rise)) * cad.Circle(radius)
    return single(cad.revolve(section, cad.Axis((turn, 0, rise), (0, 1, 0)), 90))


def _neck(sizes: ElbowSizes) -> cad.Solid:
    """Flange, stub of pipe and the two weld beads, solid, from z = 0 up to the bend."""
    pipe, face, outer = sizes.pipe / 2, sizes.face_diameter / 2, sizes.outer_diameter / 2
    back = 1.6 + sizes.thickness
    rise, bead = back + sizes.stub, sizes.bead
    hump: list[Point2] = [
        (pipe + bead * math.sin(a), rise - bead * math.cos(a)) for a in np.linspace(0.1, math.pi / 2, 5)
    ]
    profile: list[Point2] = [
        (0.0, 0.0),
        (face, 0.0),
        (face, 1.6),
        (outer - 1, 1.6),
        (outer, 2.6),
        (outer, back - 1.5),
        (outer - 1.5, back),
        (pipe + 1.6 * bead, back),
        (pipe + 0.9 * bead, back + 0.9 * bead),
        (pipe, back + 1.6 * bead),
        (pipe, rise - bead),
        *[(pipe + 0.5 * (r - pipe), z) for r, z in hump],
        (0.0, rise),
    ]
    if rise - bead <= back + 1.6 * bead:  # a stub shorter than its beads is one bead
        profile = [*profile[:8], (pipe + 0.5 * bead, rise), (0.0, rise)]
    return turned(profile)


def _features(sizes: ElbowSizes, places: list[Point2], end: Point3) -> list[Feature]:
    """The bolt holes that can be seen, and the flanges' rims."""
    back, depth = 1.6 + sizes.thickness, sizes.thickness
    length, width = 0.35 * (sizes.outer_diameter - sizes.pipe) / 2, 0.35 * sizes.outer_diameter
    features = []
    for x, y in places:
        features.append(feature("hole", (x, y, back), (0, 0, 1), sizes.hole_diameter, depth=depth))
        centre = (end[0] - 1.6, y, end[2] + x)
        features.append(feature("hole", centre, (1, 0, 0), sizes.hole_diameter, depth=depth))
    for x, y in around(sizes.holes, sizes.outer_diameter / 2):
        outward, _ = polar((x, y))
        features.append(tab((x, y, back), (0, 0, -1), outward, length=length, width=width))
        outward = (0.0, outward[1], outward[0])
        features.append(tab((end[0] - 2, y, end[2] + x), (-1, 0, 0), outward, length=length, width=width))
    return features
