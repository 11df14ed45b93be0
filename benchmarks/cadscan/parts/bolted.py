"""Lap joints of two plates: hexagon screws, washers, nuts, every second screw put in from below."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import build123d as cad
import numpy as np
from bd_warehouse.fastener import HexHeadScrew, HexNut, PlainWasher

from benchmarks.cadscan.parts.model import Model, Point2, cut, feature, moved, plate, rod, single, tab, turned

_THREADS = {"M6": "M6-1", "M8": "M8-1.25", "M10": "M10-1.5", "M12": "M12-1.75"}
_CLEARANCE = {"M6": 6.6, "M8": 9.0, "M10": 11.0, "M12": 13.5}
_GAP = 0.01  # mm between bodies, so that no two share a surface


@dataclass(frozen=True)
class JointSizes:
    """Lengths in mm; the fasteners are of the standard and have no tolerance of ours."""

    length: float
    width: float
    thickness: float
    cover_length: float
    cover_width: float
    cover: float
    spacing_x: float
    spacing_y: float
    corner: float
    clearance_hole: float
    anchor_hole: float
    columns: int
    thread: str


def draw(rng: np.random.Generator) -> JointSizes:
    """A nominal joint of 120 to 300 mm, four to eight screws of M6 to M12."""
    thread = str(rng.choice(list(_THREADS)))
    hole, columns = _CLEARANCE[thread], int(rng.integers(2, 5))
    pitch, row = hole * float(rng.uniform(3.0, 3.8)), hole * float(rng.uniform(3.4, 4.5))
    edge = hole * float(rng.uniform(1.7, 2.0))
    cover_length, cover_width = (columns - 1) * pitch + 2 * edge, row + 2 * edge
    anchor = hole * 1.2
    return JointSizes(
        length=cover_length + anchor * float(rng.uniform(5.5, 7)),
        width=cover_width + float(rng.uniform(4, 14)),
        thickness=hole * float(rng.uniform(0.9, 1.3)),
        cover_length=cover_length,
        cover_width=cover_width,
        cover=hole * float(rng.uniform(0.7, 1.1)),
        spacing_x=pitch,
        spacing_y=row,
        corner=float(rng.uniform(3, 8)),
        clearance_hole=hole,
        anchor_hole=anchor,
        columns=columns,
        thread=thread,
    )


def model(sizes: JointSizes) -> Model:
    """The joint on the heads and nuts of its lower side."""
    places = _places(sizes)
    base = _drilled(sizes.length, sizes.width, sizes.thickness, sizes, places)
    x = sizes.length / 2 - 1.5 * sizes.anchor_hole
    anchors: list[Point2] = [(sx * x, sy * 0.3 * sizes.width) for sx in (-1, 1) for sy in (-1, 1)]
    base = cut(
        base,
        [
            rod((ax, ay, -1), (0, 0, 1), diameter=sizes.anchor_hole, length=sizes.thickness + 2)
            for ax, ay in anchors
        ],
    )
    cover = _drilled(sizes.cover_length, sizes.cover_width, sizes.cover, sizes, places)
    top = sizes.thickness + _GAP + sizes.cover
    solids = [base, moved(cover, (0, 0, sizes.thickness + _GAP))]
    features = [
        feature("hole", (ax, ay, sizes.thickness), (0, 0, 1), sizes.anchor_hole, depth=sizes.thickness)
        for ax, ay in anchors
    ]
    head_up, nut_up = _fastener(sizes, top, turned_over=False), _fastener(sizes, top, turned_over=True)
    across = _nut(_THREADS[sizes.thread]).bounding_box().size.X
    for i, (px, py) in enumerate(places):
        set_ = head_up if (i // 2 + i) % 2 == 0 else nut_up
        bodies = tuple(range(len(solids), len(solids) + len(set_)))
        solids += [moved(solid, (px, py, 0)) for solid in set_]
        features.append(feature("screw", (px, py, top), (0, 0, 1), across, bodies=bodies))
    corner_x, corner_y = sizes.length / 2 - 0.3 * sizes.corner, sizes.width / 2 - 0.3 * sizes.corner
    s = float(np.sqrt(0.5))
    features += [
        tab(
            (sx * corner_x, sy * corner_y, sizes.thickness),
            (0, 0, 1),
            (sx * s, sy * s, 0),
            length=0.2 * sizes.width,
            width=0.4 * sizes.width,
        )
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    return Model(tuple(solids), tuple(features))


def _places(sizes: JointSizes) -> list[Point2]:
    start = -0.5 * (sizes.columns - 1) * sizes.spacing_x
    return [
        (start + i * sizes.spacing_x, side * sizes.spacing_y / 2)
        for i in range(sizes.columns)
        for side in (-1, 1)
    ]


def _drilled(
    length: float, width: float, thickness: float, sizes: JointSizes, places: list[Point2]
) -> cad.Solid:
    """A plate centred on x = y = 0, its corners round, its edges broken, drilled for the screws."""
    x, y = length / 2, width / 2
    solid = plate([(-x, -y), (x, -y), (x, y), (-x, y)], thickness, corner=sizes.corner)
    upper = solid.faces().sort_by(cad.Axis.Z)[-1].outer_wire().edges()
    solid = single(solid.chamfer(0.8, None, list(upper)))
    drills = [
        rod((px, py, -1), (0, 0, 1), diameter=sizes.clearance_hole, length=thickness + 2) for px, py in places
    ]
    return cut(solid, drills)


def _fastener(sizes: JointSizes, top: float, *, turned_over: bool) -> list[cad.Solid]:
    """Screw, two washers and nut through plates from z = 0 to `top`; the head up, or turned over."""
    thread = _THREADS[sizes.thread]
    diameter, pitch = float(sizes.thread[1:]), float(thread.split("-")[1])
    washer = _washer(sizes.thread)
    washer_height = washer.bounding_box().size.Z
    nut = _nut(thread)
    nut_height = nut.bounding_box().size.Z
    grip = top + 2 * (washer_height + _GAP)
    shank = grip + nut_height + 2 * _GAP + 2.5 * pitch
    length = _standard_length(shank)
    screw = HexHeadScrew(size=thread, length=length, fastener_type="iso4017", simple=True).solid()
    screw = cut(screw, [_thread_rings(diameter, pitch, length)])
    flat = [
        _based(screw, top + washer_height + 2 * _GAP, shift=-screw.bounding_box().min.Z - length),
        _based(washer, top + _GAP, shift=-washer.bounding_box().min.Z),
        _based(washer, -_GAP - washer_height, shift=-washer.bounding_box().min.Z),
        _based(nut, -2 * _GAP - washer_height - nut_height, shift=-nut.bounding_box().min.Z),
    ]
    if not turned_over:
        return flat
    return [single(cad.Pos(0, 0, top) * (cad.Rot(180, 0, 0) * solid)) for solid in flat]


@lru_cache
def _nut(thread: str) -> cad.Solid:
    return HexNut(size=thread).solid()


@lru_cache
def _washer(size: str) -> cad.Solid:
    return PlainWasher(size=size, fastener_type="iso7089").solid()


def _based(solid: cad.Solid, z: float, *, shift: float) -> cad.Solid:
    return moved(solid, (0, 0, z + shift))


def _standard_length(length: float) -> float:
    """The next length of screw in whole steps of 5 mm."""
    return float(5 * np.ceil(length / 5))


def _thread_rings(diameter: float, pitch: float, length: float) -> cad.Solid:
    """The grooves of a thread on the last part of a shank below z = 0, as rings joined outside the screw."""
    outer, inner = diameter / 2, diameter / 2 - 0.61 * pitch
    count = int(0.55 * length / pitch)
    profile: list[Point2] = [(outer + 2, -length + 0.5 * pitch)]
    for i in range(count):
        z = -length + (i + 1) * pitch
        profile += [(outer + 0.05, z - 0.5 * pitch), (inner, z)]
    end = -length + (count + 0.5) * pitch
    return turned([*profile, (outer + 0.05, end), (outer + 2, end)])
