"""Nominal surface that isn't there any more: the views of a new scan look through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modmap.alignment.motion import inverse, moved
from modmap.alignment.surface import ViewSurface
from modmap.evidence.lookup import looked_past
from modmap.evidence.nominal import NominalSurface
from modmap.evidence.places import Places
from modmap.threads import in_order
from modmap.types import Array

FARTHER = 4.0  # multiples of what is expected: so far a view of a good part may look past it, and that counts as one
FEWEST_VIEWS = 2
HIDES = 10.0  # mm: what is measured so much nearer stands before the place, and isn't its surface


@dataclass(frozen=True, eq=False)
class Absence:
    """Nominal surface that is missing.

    Attributes:
        points: (M, 3) where it would lie, in the new scan's world, mm.
        scores: (M,) float32 multiples, above 1, of how far a view of a good part looks past it at most.
        places: By nominal view (H, W) int32 the number of each pixel's place, from 0; -1 where nothing is asked.
        looked_at: (P,) bool of each place: some view measured it, or looked through it.
        missing: (P,) bool of each place: it is missing.
        edge: Of a place, mm.
    """

    points: Array
    scores: Array
    places: Mapping[str, Array]
    looked_at: Array
    missing: Array
    edge: float

    @property
    def inspected(self) -> float:
        """Share of the nominal part's surface that some view measured, or looked through, in [0, 1]."""
        return float(self.looked_at.mean()) if len(self.looked_at) else 0.0


def absences(
    nominal: NominalSurface,
    new: Mapping[str, ViewSurface],
    motion: Array,
    *,
    edge: float,
    fixtures: Mapping[str, Array],
) -> Absence:
    """Finds nominal surface that the views of a new scan look through.

    Where nothing was measured, nothing is said. A place is missing if more views look through it than see it, and at
    least two, or the only one.

    Args:
        nominal: The nominal surface.
        new: The new views' surfaces, by id.
        motion: (4, 4) from the new scan's world to the nominal one's.
        edge: Of the cubes in which views are asked together, mm.
        fixtures: By view (H, W) bool of the nominal view: what isn't asked for; a view may be left out.
    """
    back = inverse(motion)
    masks = {
        view_id: surface.smooth & ~fixtures.get(view_id, np.False_)
        for view_id, surface in nominal.views.items()
    }

    def asked(view_id: str) -> tuple[Array, Array, Array]:
        """(M, 3) where the view's nominal points would lie, (M,) multiples of what is expected, (M,) bool seen."""
        surface, mask = nominal.views[view_id], masks[view_id]
        here = moved(back, surface.points[mask].astype(np.float64))
        if view_id not in new:
            return here, np.full(len(here), np.nan), np.zeros(len(here), dtype=bool)
        past = looked_past(new[view_id], here)
        if nominal.supported:
            # A fixture stays where it is while the part moves.
            unmoved = looked_past(new[view_id], surface.points[mask].astype(np.float64))
            past = np.where(np.abs(unmoved) < np.abs(past), unmoved, past)
        multiples = past * surface.cosine[mask] / nominal.expected[view_id][mask][:, 0]
        return here, multiples, looked_past(new[view_id], here, around=0) > -HIDES

    nothing = np.zeros((0, 3)), np.zeros(0), np.zeros(0, dtype=bool)
    every, past, seen = (
        np.concatenate(parts) for parts in zip(nothing, *in_order(asked, nominal.views), strict=True)
    )
    (place,) = (places := Places.hashed([every], edge=edge)).of
    looked_at = np.zeros(places.count, dtype=bool)
    looked_at[place[seen]] = True
    through = past > FARTHER
    looks = np.bincount(place[through], minlength=places.count)
    stands = np.bincount(place[~through & (past > -FARTHER)], minlength=places.count)
    missing = (looks > stands) & ((looks >= FEWEST_VIEWS) | (stands == 0))
    kept = through & missing[place] if len(place) else through
    nearest = np.full(places.count, np.inf)
    np.minimum.at(nearest, place[kept], past[kept])
    numbered = {view_id: np.full(mask.shape, -1, np.int32) for view_id, mask in masks.items()}
    ends = np.cumsum([np.count_nonzero(mask) for mask in masks.values()])[:-1]
    for view_id, numbers in zip(numbered, np.split(place, ends), strict=True):
        numbered[view_id][masks[view_id]] = numbers
    scores = (nearest[place[kept]] / FARTHER).astype(np.float32)
    return Absence(every[kept], scores, numbered, looked_at, missing, edge)
