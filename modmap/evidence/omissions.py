"""Nominal surface that a new scan says nothing of: no view measured it, or it was compared with no place."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from modmap.alignment.motion import inverse, moved
from modmap.alignment.surface import ViewSurface
from modmap.evidence.absence import Absence
from modmap.evidence.places import Places
from modmap.not_inspected import OMISSIONS, NotInspected, OmittedRegion
from modmap.types import Array
from modmap.volume import VoxelGrid

REACH = 2.0  # edges of a place: a place so near to one of which something is said is told of with it
SLANT = 0.6  # cosine, above which every other pixel still lies within two edges of a place
CELL = 2.0  # edges of a place: of the cells in which regions hang together
MOST_CELLS = 200  # along the longest side
SMALLEST = 4  # places: what is smaller isn't listed
MOST = 20  # regions that are listed
FACES_ONE_WAY = 0.3  # length of the mean of unit normals, below which a region faces many ways


def omissions(
    nominal: Mapping[str, ViewSurface],
    new: Mapping[str, ViewSurface],
    motion: Array,
    *,
    absence: Absence,
    said: Mapping[str, Array],
) -> tuple[NotInspected, dict[str, Array]]:
    """Finds the nominal surface that a scan says nothing of.

    Args:
        nominal: The nominal views' surfaces, by id.
        new: The new views' surfaces, by id.
        motion: (4, 4) from the new scan's world to the nominal one's.
        absence: What was asked of the nominal surface, and which of it was looked at.
        said: By new view (H, W) bool: where evidence that compares places says something; a view may be left out.

    Returns:
        The surface, and by view that both scans have (H, W) uint8 where it would lie in the new view: 0 or as in
        `NotInspected.reasons`; what stands before it isn't asked.
    """
    back = inverse(motion)
    points = moved(back, _one_of_each(nominal, absence))
    reason = np.where(absence.looked_at, 0, 1).astype(np.uint8)
    asked = np.flatnonzero(absence.looked_at & ~absence.missing)
    reason[asked[~_near(points[asked], _spoken_of(new, said), REACH * absence.edge)]] = 2
    normals, areas, shown = _of_places(nominal, absence, back, reason)
    left_out = np.flatnonzero(reason)
    found = NotInspected(
        points=points[left_out].astype(np.float32),
        reasons=reason[left_out],
        spacing=absence.edge,
        places=len(reason),
        motion=back,
        regions=tuple(_regions(points, normals, areas, shown, reason, absence.edge)),
    )
    pictures = {
        view_id: _seen_by(surface, nominal[view_id], back, absence.places[view_id], reason)
        for view_id, surface in new.items()
        if view_id in absence.places
    }
    return found, pictures


def _one_of_each(nominal: Mapping[str, ViewSurface], absence: Absence) -> Array:
    """(P, 3) a nominal point of each place."""
    points = np.zeros((len(absence.looked_at), 3))
    for view_id, places in absence.places.items():
        mask = places >= 0
        points[places[mask]] = nominal[view_id].points[mask]
    return points


def _of_places(
    nominal: Mapping[str, ViewSurface], absence: Absence, back: Array, reason: Array
) -> tuple[Array, Array, dict[str, Array]]:
    """Of each place that is left out: (P, 3) its normal in the new world, (P,) mm2, and by view (P,) mm2 shown."""
    count = len(reason)
    facing, pixels = np.zeros((count, 3)), np.zeros(count)
    shown = {}
    for view_id, places in absence.places.items():
        surface = nominal[view_id]
        mask = (places >= 0) & (reason[places] > 0)
        place = places[mask]
        pixels += np.bincount(place, minlength=count)
        for axis in range(3):
            facing[:, axis] += np.bincount(place, surface.normals[mask][:, axis], count)
        focal = surface.camera.K[0, 0] * surface.camera.K[1, 1]
        across = surface.depth[mask].astype(np.float64) ** 2 / focal
        shown[view_id] = np.bincount(place, across / surface.cosine[mask], count)
    # The view that shows most of a place shows all of it.
    areas = np.max(list(shown.values()), axis=0) if shown else np.zeros(count)
    return (facing / np.maximum(pixels, 1)[:, None]) @ back[:3, :3].T, areas, shown


def _spoken_of(new: Mapping[str, ViewSurface], said: Mapping[str, Array]) -> Array:
    """(Q, 3) points of the new scan of which something is said: but at a slant, every other pixel along both axes."""
    points = [np.zeros((0, 3))]
    for view_id, mask in said.items():
        surface = new[view_id]
        enough = surface.cosine < SLANT
        enough[::2, ::2] = True
        points.append(surface.points[mask & enough & (surface.depth > 0)])
    return np.concatenate(points)


def _near(points: Array, others: Array, reach: float) -> Array:
    """(M,) bool: whether one of the others (Q, 3) lies so near to each of the points (M, 3)."""
    near = np.zeros(len(points), dtype=bool)
    if not len(points) or not len(others):
        return near
    # In one cube are points that are never farther apart than its diagonal; few are left to be looked for.
    places = Places.hashed([points, others], edge=reach / float(np.sqrt(3)))
    taken = np.zeros(places.count, dtype=bool)
    taken[places.of[1]] = True
    near = taken[places.of[0]]
    left = np.flatnonzero(~near)
    if len(left):
        tree = cKDTree(others, balanced_tree=False, compact_nodes=False)
        near[left] = np.isfinite(tree.query(points[left], distance_upper_bound=reach)[0])
    return near


def _regions(
    points: Array, normals: Array, areas: Array, shown: Mapping[str, Array], reason: Array, edge: float
) -> list[OmittedRegion]:
    found = []
    for number, name in enumerate(OMISSIONS, start=1):
        chosen = np.flatnonzero(reason == number)
        if not len(chosen):
            continue
        longest = float(np.ptp(points[chosen], axis=0).max())
        cell = max(CELL * edge, longest / MOST_CELLS)
        grid = VoxelGrid.spanning(points[chosen], cell, margin=cell)
        index, _ = grid.index(points[chosen])
        filled = np.zeros(grid.shape, dtype=bool)
        filled[tuple(index.T)] = True
        label = ndimage.label(filled, structure=np.ones((3, 3, 3)))[0][tuple(index.T)]
        order = np.argsort(label, kind="stable")
        for of in np.split(chosen[order], np.flatnonzero(np.diff(label[order])) + 1):
            if len(of) >= SMALLEST:
                middle = np.average(points[of], axis=0, weights=np.maximum(areas[of], 1e-9))
                normal = normals[of].mean(axis=0)
                size = float(np.linalg.norm(normal))
                seen = {view_id: float(one[of].sum()) for view_id, one in shown.items()}
                x, y, z = middle.tolist()
                off_x, off_y, off_z = (normal / max(size, 1e-9)).tolist()
                best = sorted((view_id for view_id in seen if seen[view_id] > 0), key=lambda one: -seen[one])
                found.append(
                    OmittedRegion(
                        reason=name,
                        area_mm2=float(areas[of].sum()),
                        centre_mm=(x, y, z),
                        look_from=None if size < FACES_ONE_WAY else (off_x, off_y, off_z),
                        views=best,
                    )
                )
    return sorted(found, key=lambda one: -one.area_mm2)[:MOST]


def _seen_by(surface: ViewSurface, nominal: ViewSurface, back: Array, places: Array, reason: Array) -> Array:
    """(H, W) uint8 reasons where the nominal view's surface that is left out would lie in the new view."""
    picture: Array = np.zeros(surface.depth.shape, dtype=np.uint8)
    for number in (2, 1):
        mask = (places >= 0) & (reason[places] == number)
        if not mask.any():
            continue
        pixel, _ = surface.camera.project(moved(back, nominal.points[mask].astype(np.float64)))
        seen = pixel[np.isfinite(pixel).all(axis=1)]
        column, row = (np.rint(seen[:, axis]).astype(np.int64) for axis in (0, 1))
        inside = (row >= 0) & (row < picture.shape[0]) & (column >= 0) & (column < picture.shape[1])
        here: Array = np.zeros_like(picture)
        here[row[inside], column[inside]] = 1
        # Nominal pixels that were moved leave gaps of a pixel between them.
        picture[cv2.morphologyEx(here, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0] = number
    return picture
