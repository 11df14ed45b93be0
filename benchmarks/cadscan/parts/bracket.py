"""Machined angle brackets: a foot with slots and bores, an upright with a bearing seat, two ribs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import build123d as cad
import numpy as np

from benchmarks.cadscan.part import Feature
from benchmarks.cadscan.parts.model import (
    Model,
    around,
    block,
    chamfered,
    cut,
    feature,
    fuse,
    placed,
    plate,
    rod,
    rounded,
    tab,
)


@dataclass(frozen=True)
class BracketSizes:
    """Lengths in mm; the foot lies along x (width) and y (depth), the upright stands at its back."""

    width: float
    depth: float
    height: float
    foot: float
    wall: float
    bore: float
    boss: float
    boss_height: float
    rib: float
    hole: float
    counterbore: float
    pocket: float
    corner: float
    seat_holes: int


def draw(rng: np.random.Generator) -> BracketSizes:
    """A nominal bracket, 80 to 240 mm wide."""
    width = float(rng.uniform(80, 240))
    height = width * float(rng.uniform(0.6, 1.0))
    bore = min(width, height) * float(rng.uniform(0.22, 0.36))
    hole = float(np.clip(width * rng.uniform(0.05, 0.07), 5, 14))
    return BracketSizes(
        width=width,
        depth=width * float(rng.uniform(0.55, 0.8)),
        height=height,
        foot=width * float(rng.uniform(0.08, 0.12)),
        wall=width * float(rng.uniform(0.08, 0.12)),
        bore=bore,
        boss=bore * float(rng.uniform(1.5, 1.75)),
        boss_height=width * float(rng.uniform(0.03, 0.08)),
        rib=width * float(rng.uniform(0.05, 0.08)),
        hole=hole,
        counterbore=1.75 * hole,
        pocket=width * float(rng.uniform(0.015, 0.03)),
        corner=width * float(rng.uniform(0.05, 0.1)),
        seat_holes=int(rng.integers(4, 7)),
    )


def model(sizes: BracketSizes) -> Model:
    """The bracket on its foot, the bearing seat's axis along y."""
    body = _upright_and_foot(sizes)
    tools, features = _foot_drilling(sizes)
    seat_tools, seat_features = _seat_drilling(sizes)
    body = cut(body, [*tools, *seat_tools, _pocket(sizes)])
    mouth = [e for e in body.edges().filter_by(cad.GeomType.CIRCLE) if abs(e.radius - sizes.bore / 2) < 0.01]
    body = chamfered(body, mouth, min(1.0, 0.04 * sizes.bore))
    return Model((body,), (*features, *seat_features, *_tabs(sizes)))


def _seat_height(sizes: BracketSizes) -> float:
    return sizes.height - 0.62 * sizes.boss


def _upright_and_foot(sizes: BracketSizes) -> cad.Solid:
    """The foot (y from 0, the back, to -depth), the wall standing on it, the boss and the two ribs."""
    half = sizes.width / 2
    foot = plate([(-half, -sizes.depth), (half, -sizes.depth), (half, 0), (-half, 0)], sizes.foot)
    front = [e for e in foot.edges().filter_by(cad.Axis.Z) if -sizes.depth / 2 > e.center().Y]
    foot = rounded(foot, front, sizes.corner)
    shoulder, top = 0.62 * sizes.height, 0.7 * sizes.boss
    wall_outline = [(-half, 0), (half, 0), (half, 0.5 * shoulder), (top, sizes.height), (-top, sizes.height)]
    wall_outline.append((-half, 0.5 * shoulder))
    upright = placed(plate(wall_outline, sizes.wall), (0, 0, 0), x=(1, 0, 0), z=(0, -1, 0))
    upper = [e for e in upright.edges().filter_by(cad.Axis.Y) if 0.3 * shoulder < e.center().Z]
    upright = rounded(upright, upper, 1.5 * sizes.corner)
    boss = rod(
        (0, -sizes.wall + 1, _seat_height(sizes)),
        (0, -1, 0),
        diameter=sizes.boss,
        length=sizes.boss_height + 1,
    )
    ribs = [_rib(sizes, side) for side in (-1, 1)]
    return fuse(foot, [upright, boss, *ribs])


def _rib(sizes: BracketSizes, side: int) -> cad.Solid:
    """A triangular rib in the corner of foot and wall, on the side -1 or 1."""
    reach, rise = 0.75 * (sizes.depth - sizes.wall), 0.5 * sizes.height
    outline = [
        (-sizes.wall + 1, sizes.foot - 1),
        (-sizes.wall - reach, sizes.foot - 1),
        (-sizes.wall - reach, sizes.foot + 2),
        (-sizes.wall, sizes.foot + rise),
        (-sizes.wall + 1, sizes.foot + rise),
    ]
    flat = plate(outline, sizes.rib)
    return placed(flat, (side * 0.36 * sizes.width - sizes.rib / 2, 0, 0), x=(0, 1, 0), z=(1, 0, 0))


def _foot_drilling(sizes: BracketSizes) -> tuple[list[cad.Shape[Any]], list[Feature]]:
    """Four counterbored holes through the foot, two of them in front, and a slot in the middle."""
    tools: list[cad.Shape[Any]] = []
    features = []
    xs = (
        0.36 * sizes.width - sizes.rib / 2 - 1.2 * sizes.counterbore / 2 - 2,
        0.36 * sizes.width + sizes.rib / 2,
    )
    outer = min(xs[1] + sizes.counterbore / 2 + 1.5, sizes.width / 2 - sizes.counterbore / 2 - 1.5)
    rows = (-sizes.depth + sizes.counterbore, -sizes.wall - 1.2 * sizes.counterbore)
    sink = 0.45 * sizes.foot
    for x, y in [(-xs[0], rows[0]), (xs[0], rows[0]), (-xs[0], rows[1]), (xs[0], rows[1])]:
        tools.append(rod((x, y, -1), (0, 0, 1), diameter=sizes.hole, length=sizes.foot + 2))
        tools.append(rod((x, y, sizes.foot - sink), (0, 0, 1), diameter=sizes.counterbore, length=sink + 1))
        features.append(feature("hole", (x, y, sizes.foot), (0, 0, 1), sizes.counterbore, depth=sizes.foot))
    for x in (-outer, outer):
        y = -0.5 * sizes.depth
        tools.append(rod((x, y, -1), (0, 0, 1), diameter=0.6 * sizes.hole, length=sizes.foot + 2))
        features.append(feature("hole", (x, y, sizes.foot), (0, 0, 1), 0.6 * sizes.hole, depth=sizes.foot))
    return tools, features


def _seat_drilling(sizes: BracketSizes) -> tuple[list[cad.Shape[Any]], list[Feature]]:
    """The bearing seat through boss and wall, and the tapped holes around it."""
    z, face = _seat_height(sizes), -sizes.wall - sizes.boss_height
    through = sizes.wall + sizes.boss_height
    tools: list[cad.Shape[Any]] = [rod((0, face - 1, z), (0, 1, 0), diameter=sizes.bore, length=through + 2)]
    features = []
    diameter = 0.35 * (sizes.boss - sizes.bore) / 2
    for x, dz in around(sizes.seat_holes, (sizes.bore + sizes.boss) / 4, phase=np.pi / 2):
        depth = 0.7 * through
        tools.append(rod((x, face - 1, z + dz), (0, 1, 0), diameter=diameter, length=depth + 1))
        features.append(feature("hole", (x, face, z + dz), (0, -1, 0), diameter, depth=depth))
    return tools, features


def _pocket(sizes: BracketSizes) -> cad.Solid:
    """A milled pocket in the foot between the ribs, its corners as round as the cutter."""
    half = 0.16 * sizes.width
    low, high = -0.86 * sizes.depth, -sizes.wall - 0.16 * sizes.depth
    box = block((-half, half), (low, high), (sizes.foot - sizes.pocket, sizes.foot + 1))
    return rounded(box, box.edges().filter_by(cad.Axis.Z), 0.35 * half)


def _tabs(sizes: BracketSizes) -> list[Feature]:
    """The foot's two front corners, which a fall bends."""
    x, y = sizes.width / 2 - 0.5 * sizes.corner, -sizes.depth + 0.5 * sizes.corner
    s = np.sqrt(0.5)
    return [
        tab(
            (sx * x, y, sizes.foot),
            (0, 0, 1),
            (sx * s, -s, 0),
            length=0.2 * sizes.depth,
            width=0.35 * sizes.width,
        )
        for sx in (-1, 1)
    ]
