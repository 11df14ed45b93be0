"""Weld-neck flanges after ASME B16.5, the sizes from bd_warehouse's tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from bd_warehouse import flange as asme

from benchmarks.cadscan.parts.model import Model, around, cut, feature, polar, rod, tab, turned

_SIZES = ("1", "1 1/4", "1 1/2", "2", "2 1/2", "3", "3 1/2", "4", "5", "6")


@dataclass(frozen=True)
class FlangeSizes:
    """Lengths in mm: the ring, its raised face, the hub's taper, the neck, the bolt circle."""

    outer_diameter: float
    thickness: float
    hub_diameter: float
    neck_diameter: float
    length: float
    bore: float
    face_diameter: float
    face_height: float
    bolt_circle: float
    hole_diameter: float
    holes: int


def draw(rng: np.random.Generator) -> FlangeSizes:
    """A nominal flange: a pipe size of 1 to 6 inches, of class 150 or 300."""
    pipe = _SIZES[int(rng.integers(len(_SIZES)))]
    if rng.random() < 0.5:
        row, drilling, length = asme.flange_data_class_150[pipe], asme.drilling_class_150[pipe], 7
    else:
        row, drilling, length = asme.flange_data_class_300[pipe], asme.drilling_class_300[pipe], 7
    neck, bore = float(row[4]), float(row[11])
    return FlangeSizes(
        outer_diameter=float(row[0]),
        thickness=float(row[2]),
        hub_diameter=float(row[3]),
        neck_diameter=neck,
        length=float(row[length]),
        bore=bore,
        face_diameter=0.5 * (float(row[3]) + float(drilling[1]) - asme.imperial_str_to_float(drilling[2])),
        face_height=2.0,
        bolt_circle=float(drilling[1]),
        hole_diameter=asme.imperial_str_to_float(drilling[2]),
        holes=int(drilling[3]),
    )


def model(sizes: FlangeSizes) -> Model:
    """The flange on its raised face, the neck upward, its welding bevel on top."""
    bore, neck, hub = sizes.bore / 2, sizes.neck_diameter / 2, sizes.hub_diameter / 2
    outer, face = sizes.outer_diameter / 2, sizes.face_diameter / 2
    back = sizes.face_height + sizes.thickness
    land = bore + 0.3 * (neck - bore)
    straight = 0.2 * (sizes.length - back)
    profile = [
        (bore, 0.0),
        (face, 0.0),
        (face, sizes.face_height),
        (outer - 1.0, sizes.face_height),
        (outer, sizes.face_height + 1.0),
        (outer, back - 1.5),
        (outer - 1.5, back),
        (hub + 3.0, back),
        (hub + 0.9, back + 0.9),
        (hub, back + 3.0),
        (neck, sizes.length - straight),
        (neck, sizes.length - 0.8 * (neck - land)),
        (land, sizes.length),
        (bore, sizes.length),
    ]
    places = around(sizes.holes, sizes.bolt_circle / 2, phase=np.pi / sizes.holes)
    drills = [rod((x, y, -1.0), (0, 0, 1), diameter=sizes.hole_diameter, length=back + 2) for x, y in places]
    features = [
        feature("hole", (x, y, back), (0, 0, 1), sizes.hole_diameter, depth=sizes.thickness)
        for x, y in places
    ]
    for x, y in around(sizes.holes, outer):
        outward, _ = polar((x, y))
        features.append(
            tab((x, y, back - 1), (0, 0, -1), outward, length=0.5 * (outer - hub), width=0.3 * outer)
        )
    return Model((cut(turned(profile), drills),), tuple(features))
