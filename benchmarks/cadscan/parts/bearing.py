"""Deep-groove ball bearings in the proportions of ISO 15: two rings, the balls, a pressed cage."""

from __future__ import annotations

import math
from dataclasses import dataclass

import build123d as cad
import numpy as np

from benchmarks.cadscan.parts.model import Carved, Model, around, feature, moved, rod, turned

_CLEARANCE = 0.02  # mm between a ball and its groove, so that no two bodies share a surface


@dataclass(frozen=True)
class BearingSizes:
    """Lengths in mm. The lands are the rings' edges beside the ball groove."""

    bore: float
    outer_diameter: float
    width: float
    ball: float
    inner_land: float
    outer_land: float
    corner: float
    cage_thickness: float
    balls: int


def draw(rng: np.random.Generator) -> BearingSizes:
    """A nominal bearing of 65 to 240 mm outer diameter."""
    bore = 5.0 * int(rng.integers(7, 25))
    outer = 2.0 * round(0.5 * (bore * rng.uniform(1.5, 1.9) + 12))
    ring = (outer - bore) / 2
    ball, pitch = ring * float(rng.uniform(0.58, 0.66)), (outer + bore) / 2
    return BearingSizes(
        bore=float(bore),
        outer_diameter=float(outer),
        width=round(ring * float(rng.uniform(0.9, 1.15)), 1),
        ball=ball,
        inner_land=pitch - 0.56 * ball,
        outer_land=pitch + 0.56 * ball,
        corner=float(rng.choice([1.0, 1.5, 2.0])),
        cage_thickness=max(0.8, 0.05 * ball),
        balls=int(math.pi * pitch / (ball * rng.uniform(1.45, 1.75))),
    )


def model(sizes: BearingSizes) -> Model:
    """The bearing on its side face, the axis upright."""
    pitch, middle = (sizes.bore + sizes.outer_diameter) / 4, sizes.width / 2
    inner = _ring(sizes, sizes.bore / 2, sizes.inner_land / 2)
    outer = _ring(sizes, sizes.outer_diameter / 2, sizes.outer_land / 2)
    places = around(sizes.balls, pitch)
    ball = cad.Solid.make_sphere(sizes.ball / 2)
    balls = [moved(ball, (x, y, middle)) for x, y in places]
    top = middle + sizes.ball / 2 + sizes.cage_thickness + 0.3  # where the cage lets a ball be seen from
    features = tuple(
        feature("ball", (x, y, top), (0, 0, 1), sizes.ball, bodies=(3 + i,))
        for i, (x, y) in enumerate(places)
    )
    return Model((inner, outer, _cage(sizes), *balls), features)


def _ring(sizes: BearingSizes, seat: float, land: float) -> Carved:
    """A ring between the radius of its seat and that of its lands, with the groove for the balls."""
    outward, corner = math.copysign(1.0, land - seat), sizes.corner
    break_ = 0.4 * corner
    groove = sizes.ball / 2 + _CLEARANCE
    profile = [
        (seat, corner),
        (seat + 0.3 * outward * corner, 0.3 * corner),
        (seat + outward * corner, 0.0),
        (land - outward * break_, 0.0),
        (land, break_),
        (land, sizes.width - break_),
        (land - outward * break_, sizes.width),
        (seat + outward * corner, sizes.width),
        (seat + 0.3 * outward * corner, sizes.width - 0.3 * corner),
        (seat, sizes.width - corner),
    ]
    pitch = (sizes.bore + sizes.outer_diameter) / 4
    track = cad.Solid.make_torus(pitch, groove, cad.Plane(origin=(0, 0, sizes.width / 2)))
    return Carved(turned(profile), tools=((track,),))


def _cage(sizes: BearingSizes) -> Carved:
    """A ribbon at the pitch circle that swells around every ball."""
    pitch, middle = (sizes.bore + sizes.outer_diameter) / 4, sizes.width / 2
    half = 0.16 * sizes.ball
    pocket, shell = sizes.ball / 2 + 0.15, sizes.ball / 2 + 0.15 + sizes.cage_thickness
    thick = 1.1 * sizes.cage_thickness
    ribbon = turned(
        [
            (pitch - half, middle - thick),
            (pitch + half, middle - thick),
            (pitch + half, middle + thick),
            (pitch - half, middle + thick),
        ]
    )
    places = around(sizes.balls, pitch)
    swellings = [
        rod(
            ((pitch - half) / pitch * x, (pitch - half) / pitch * y, middle),
            (x, y, 0),
            diameter=2 * shell,
            length=2 * half,
        )
        for x, y in places
    ]
    pockets = [moved(cad.Solid.make_sphere(pocket), (x, y, middle)) for x, y in places]
    return Carved(ribbon, tuple(swellings), (tuple(pockets),))
