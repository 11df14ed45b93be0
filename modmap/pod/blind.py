"""Surface that little or nothing can be found on, why, and from where a further view would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from modmap.alignment.motion import dot, inverse, moved
from modmap.alignment.surface import ViewSurface
from modmap.evidence.appearance import GRAZING, below_white
from modmap.evidence.lookup import APART, nearest_at, places_in
from modmap.pod.good_scan import GoodScan
from modmap.pod.places import PartSurface
from modmap.pod.record import BlindPlace, Reason
from modmap.types import Array
from modmap.volume import VoxelGrid

REASONS: tuple[Reason, ...] = ("unseen", "grazing", "glare", "too few views")
MOST = 50  # places that are listed
SMALLEST = 4  # pieces: a place that is smaller isn't listed
MOSTLY = 0.5  # of the good scans


def blind_pieces(surface: PartSurface, good: Sequence[GoodScan]) -> Array:
    """(C,) int8 for each piece of the surface: 0 where all is well, else 1 and more as in `REASONS`.

    A piece is *unseen* if the views of most good scans measure nothing there, *glare* if they are white there;
    *grazing* if all that measure it graze it; *too few views* if one alone sees it well, so that what is missing there
    isn't told from what wasn't measured.

    Args:
        surface: Of the nominal part, in its world.
        good: The good scans.
    """
    seen, clear, white = (np.zeros(len(surface.points)) for _ in range(3))
    for one in good:
        points = moved(inverse(one.motion), surface.points)
        normals = surface.normals @ one.motion[:3, :3]
        sees, clears, whites = _looks(one, points, normals)
        seen += (sees > 0) / len(good)
        clear += clears / len(good)
        white += (whites > 0) / len(good)
    reason = np.zeros(len(seen), dtype=np.int8)
    reason[clear < 2 - MOSTLY] = 1 + REASONS.index("too few views")
    reason[clear < MOSTLY] = 1 + REASONS.index("grazing")
    hidden = seen < MOSTLY
    reason[hidden] = 1 + REASONS.index("unseen")
    reason[hidden & (white > MOSTLY)] = 1 + REASONS.index("glare")
    return reason


def _looks(good: GoodScan, points: Array, normals: Array) -> tuple[Array, Array, Array]:
    """(C,) how many views measure each piece, see it well, and are white where they would see it."""
    seen, clear, white = (np.zeros(len(points), dtype=np.int64) for _ in range(3))
    for view_id, surface in good.part.items():
        place = places_in(surface, points)
        towards = surface.camera.centre - points
        facing = dot(normals, towards) > 0
        depth = nearest_at(surface.depth, place)
        near = np.linalg.norm(nearest_at(surface.points, place) - points, axis=1) < APART
        measured = facing & (depth > 0) & near
        seen += measured
        clear += measured & (nearest_at(surface.cosine, place) > GRAZING)
        glaring = nearest_at((~below_white(good.frames[view_id].image)).astype(np.uint8), place) > 0
        white += facing & glaring & (depth == 0)
    return seen, clear, white


def blind_places(
    surface: PartSurface, reason: Array, views: Mapping[str, ViewSurface], *, edge: float
) -> list[BlindPlace]:
    """The blind pieces that hang together, the largest first.

    Args:
        surface: Of the nominal part.
        reason: As `blind_pieces` gives it.
        views: The nominal views, by id.
        edge: Of the voxels in which pieces hang together, mm.
    """
    found = []
    for number, name in enumerate(REASONS, start=1):
        chosen = np.flatnonzero(reason == number)
        if not len(chosen):
            continue
        grid = VoxelGrid.spanning(surface.points[chosen], edge, margin=edge)
        index, _ = grid.index(surface.points[chosen])
        filled = np.zeros(grid.shape, dtype=bool)
        filled[tuple(index.T)] = True
        label = ndimage.label(filled, structure=np.ones((3, 3, 3)))[0][tuple(index.T)]
        for piece in range(1, int(label.max()) + 1):
            of = chosen[label == piece]
            if len(of) >= SMALLEST:
                found.append(_place(surface, of, name, views))
    return sorted(found, key=lambda one: -one.area_mm2)[:MOST]


def _place(surface: PartSurface, of: Array, reason: Reason, views: Mapping[str, ViewSurface]) -> BlindPlace:
    weight = surface.areas[of]
    centre = np.average(surface.points[of], axis=0, weights=weight)
    normal = np.average(surface.normals[of], axis=0, weights=weight)
    size = float(np.linalg.norm(normal))
    from_x = from_y = from_z = nearest = degrees = None
    if size > 0.3:
        normal /= size
        from_x, from_y, from_z = normal.tolist()
        angles = {}
        for view_id, view in views.items():
            towards = view.camera.centre - centre
            angles[view_id] = float(
                np.degrees(np.arccos(np.clip(normal @ towards / np.linalg.norm(towards), -1, 1)))
            )
        nearest = min(angles, key=lambda view_id: angles[view_id])
        degrees = angles[nearest]
    x, y, z = centre.tolist()
    return BlindPlace(
        reason=reason,
        area_mm2=float(weight.sum()),
        centre_mm=(x, y, z),
        look_from=None if from_x is None else (from_x, from_y, from_z),
        nearest_view=nearest,
        degrees=degrees,
    )
