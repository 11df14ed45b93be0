"""A nominal view's image laid on a new view, to look at beside it."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from modmap.alignment.motion import moved
from modmap.alignment.surface import ViewSurface
from modmap.scan import Frame
from modmap.types import Array

MOST_POINTS = 5000
FEWEST_POINTS = 20


def nominal_beside(
    frames: Mapping[str, Frame],
    surfaces: Mapping[str, ViewSurface],
    new: Mapping[str, ViewSurface],
    motion: Array,
) -> dict[str, Array]:
    """The nominal images as the new views would show the part, but for parallax, which a small motion has little of.

    One affine map carries all of a view, so that what the new scan lacks is shown too.

    Args:
        frames: The nominal views, by id.
        surfaces: Their surfaces, by id.
        new: The new views' surfaces, by id; those that the nominal scan lacks are left out.
        motion: (4, 4) from the new scan's world to the nominal one's.

    Returns:
        By view id (h, w) gray levels of the nominal image's type; a view that hardly shows the part is left out.
    """
    found = {}
    for view_id, surface in new.items():
        if view_id not in surfaces:
            continue
        rows, columns = np.nonzero(surface.smooth)
        some = slice(None, None, len(rows) // MOST_POINTS + 1)
        here = np.stack([columns[some], rows[some], np.ones(len(rows[some]))], axis=1)
        points = surface.points[rows[some], columns[some]].astype(np.float64)
        there, _ = surfaces[view_id].camera.project(moved(motion, points))
        seen = np.isfinite(there).all(axis=1)
        if seen.sum() < FEWEST_POINTS:
            continue
        affine, *_ = np.linalg.lstsq(here[seen], there[seen], rcond=None)
        size = surface.depth.shape[1], surface.depth.shape[0]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        image = frames[view_id].image
        image = image.astype(np.float32) if image.dtype.kind == "f" else image
        found[view_id] = np.asarray(cv2.warpAffine(image, affine.T, size, flags=flags))
    return found
