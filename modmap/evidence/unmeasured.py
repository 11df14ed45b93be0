"""Surface that a nominal view looked at and hardly measured: what a new one measures there isn't new."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from modmap.alignment.motion import moved
from modmap.alignment.surface import ViewSurface
from modmap.evidence.lookup import APART, looked_up, places_in, read_at
from modmap.threads import in_order
from modmap.types import Array

AROUND = 9  # pixels along the side of the square, of a view that is 1024 wide
MEASURED = 0.4  # share of the square of which a view measured something, or it hardly did


def hardly_measured(
    nominal: Mapping[str, ViewSurface],
    new: Mapping[str, ViewSurface],
    motion: Array,
    *,
    asked: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """Where new views show nominal surface that the same nominal view hardly measured.

    A dark or grazed face may be measured from one side of a degree and not from the other. That it is the nominal
    surface, another nominal view must show: what was added to the part isn't.

    Args:
        nominal: The nominal views' surfaces, by id.
        new: The new views', by id; those that the nominal scan lacks are left out.
        motion: (4, 4) from the new scan's world to the nominal one's.
        asked: By view id (H, W) bool, where it matters; everywhere by default.

    Returns:
        By view id (H, W) bool.
    """
    shared = [view_id for view_id in new if view_id in nominal]

    def found(view_id: str) -> Array:
        there, surface = nominal[view_id], new[view_id]
        side = max(round(AROUND * there.depth.shape[1] / 1024), 3)
        share = cv2.boxFilter((there.depth > 0).astype(np.float32), -1, (side, side))
        mask = surface.depth > 0
        if asked is not None:
            mask &= asked[view_id]
        points = moved(motion, surface.points[mask].astype(np.float64))
        left = np.flatnonzero(read_at(share, places_in(there, points)) < MEASURED)
        known = np.zeros(len(points), dtype=bool)
        for other, beside in nominal.items():
            if other == view_id or not len(left):
                continue
            on = np.abs(looked_up(beside, points[left]).deviation) < APART
            known[left[on]] = True
            left = left[~on]
        full = np.zeros(mask.shape, dtype=bool)
        full[mask] = known
        return full

    return dict(zip(shared, in_order(found, shared), strict=True))
