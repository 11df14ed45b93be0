"""What stays where it is while the part moves: clamps and stops, which stand beside the part in every scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np

from modmap.alignment.motion import moved
from modmap.alignment.registration import sampled
from modmap.alignment.surface import ViewSurface, eroded
from modmap.evidence.lookup import looked_up, nearest_at, places_in
from modmap.evidence.nominal import NominalSurface
from modmap.evidence.places import Places
from modmap.evidence.smoothing import sigmas
from modmap.evidence.view_shift import view_shift
from modmap.types import Array

POINTS = 2000  # of a view that tell how far it is shifted
NOISE = 3.0  # pixels of a view that is 1024 wide: over which a deviation is averaged before it is squared
REGION = 10.0  # likewise: over which squares are averaged
LIMIT = 3.0  # times what is expected: a larger deviation counts as so large
MOVED_MORE = 0.5
RIM = 6.0  # pixels of a view that is 1024 wide: beside a fixture, what isn't told from it


def without_fixtures(
    nominal: NominalSurface, new: Mapping[str, ViewSurface], motion: Array, *, edge: float
) -> tuple[dict[str, ViewSurface], dict[str, Array]]:
    """Takes out what lies where it lay in the nominal scan, rather than where the part went.

    A part may move as little as a view is shifted between two scans. So that shift is taken off first, the views'
    squared deviations at a place are averaged, and a face stays or moves as a whole: a warped place may by chance come
    to lie where the part's surface was before it moved, but not its whole face.

    Args:
        nominal: The nominal surface.
        new: The new views' surfaces, by id, without what the part lies on; those that the nominal scan lacks are left
            as they are.
        motion: (4, 4) from the new scan's world to the nominal one's.
        edge: Of the cubes in which views are taken together, mm.

    Returns:
        The surfaces, with no normals on fixtures and beside them; and by view (H, W) bool, where the nominal views show
        them.
    """
    shared = {view_id: surface for view_id, surface in new.items() if view_id in nominal.views}
    masks = {view_id: eroded(surface.smooth, 1) for view_id, surface in shared.items()}
    energies = [_energies(nominal, view_id, shared[view_id], mask, motion) for view_id, mask in masks.items()]
    places = Places.hashed([shared[view_id].points[mask] for view_id, mask in masks.items()], edge=edge)
    weights = [np.ones(len(one[0])) for one in energies]
    fused = [np.nan_to_num(places.mean(one, weights)) for one in zip(*energies, strict=True)]
    kept, before = dict(new), {}
    for (view_id, mask), place in zip(masks.items(), places.of, strict=True):
        points = moved(motion, shared[view_id].points[mask].astype(np.float64))
        face = nearest_at(nominal.faces[view_id], places_in(nominal.views[view_id], points))
        count = int(nominal.faces[view_id].max()) + 1
        moves, stays, usual = (np.bincount(face, one[place], count) for one in fused)
        fixed = (stays < MOVED_MORE * moves) & (stays < usual)
        fixed[0] = False
        here = np.zeros(mask.shape, dtype=bool)
        here[mask] = fixed[face]
        surface = shared[view_id]
        kept[view_id] = replace(surface, cosine=np.where(_and_beside(here), 0, surface.cosine))
        before[view_id] = _and_beside(fixed[nominal.faces[view_id]])
    return kept, before


def _and_beside(fixture: Array) -> Array:
    size = 2 * rim(fixture.shape[1]) + 1
    return np.asarray(cv2.dilate(fixture.astype(np.uint8), np.ones((size, size), np.uint8)) > 0)


def rim(width: int) -> int:
    """Pixels beside a fixture, in a view so wide, that aren't told from it."""
    return max(round(RIM * width / 1024), 2)


def _energies(
    nominal: NominalSurface, view_id: str, surface: ViewSurface, mask: Array, motion: Array
) -> tuple[Array, Array, Array]:
    """Three times (M,) mm2 for a mask's pixels: squared deviations if they moved with the part, if they stayed, and as
    they usually are; NaN unless the nominal view shows surface for both.
    """
    view = nominal.views[view_id]
    usual = float(np.median(nominal.expected[view_id][..., 0]))
    points = surface.points[mask].astype(np.float64)
    shift = view_shift(view, sampled(view_id, surface, count=POINTS), motion)
    moves, stays = (looked_up(view, there + shift).deviation for there in (moved(motion, points), points))
    told = np.isfinite(moves) & np.isfinite(stays)
    known = np.zeros(mask.shape, dtype=np.float32)
    known[mask] = told
    return (
        _energy(moves, known, mask, limit=LIMIT * usual),
        _energy(stays, known, mask, limit=LIMIT * usual),
        np.where(told, usual**2, np.nan),
    )


def _energy(deviation: Array, known: Array, mask: Array, *, limit: float) -> Array:
    """(M,) mean square of smoothed deviations (M,) of a mask's pixels; NaN where they aren't known."""
    full = np.zeros(mask.shape, dtype=np.float32)
    full[mask] = np.nan_to_num(deviation).clip(-limit, limit) * known[mask]
    square = _mean(full, known, NOISE) ** 2 * known
    return np.where(known[mask] > 0, _mean(square, known, REGION)[mask], np.float32(np.nan))


def _mean(values: Array, known: Array, scale: float) -> Array:
    sigma = sigmas((scale,), values.shape[1])[0]
    total, share = (cv2.GaussianBlur(one, (0, 0), sigma) for one in (values, known))
    return np.asarray(total / np.maximum(share, np.float32(1e-6)))
