"""What a new scan shows beside the part, and the nominal one doesn't: whatever holds a part whose drawing was rendered.

A nominal scan with its clamps tells which they are, as they stay where they are (`modmap.evidence.fixture`). A rendered
one has none. What reaches far from the nominal surface is no defect of it, with all that hangs together with it in a
view, down to where it meets the part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np
from scipy.spatial import cKDTree

from modmap.alignment.motion import moved
from modmap.alignment.surface import ViewSurface
from modmap.evidence.fixture import rim
from modmap.evidence.nominal import NominalSurface
from modmap.evidence.places import Places
from modmap.types import Array

OFF = 0.7  # mm from the nominal surface: what is nearer is on it
FAR = 10.0  # mm: what reaches so far is no defect
SPACING = 0.5  # mm between the nominal points that distances are taken from
STEP = 2  # pixels: of so many along each axis one is asked


def without_strangers(
    nominal: NominalSurface, new: Mapping[str, ViewSurface], motion: Array
) -> dict[str, ViewSurface]:
    """Takes out what isn't the part.

    Args:
        nominal: The nominal surface, of the part alone.
        new: The new views' surfaces, by id, without what the part lies on.
        motion: (4, 4) from the new scan's world to the nominal one's.

    Returns:
        The surfaces, with no normals on strangers and beside them.
    """
    points = [surface.points[surface.smooth] for surface in nominal.views.values()]
    places = Places.hashed(points, edge=SPACING)
    number = np.concatenate(places.of)
    one_of = np.zeros(places.count, dtype=np.int64)
    one_of[number] = np.arange(len(number))
    tree = cKDTree(np.concatenate(points)[one_of])
    kept = {}
    for view_id, surface in new.items():
        stranger = _strange(tree, surface, motion)
        kept[view_id] = replace(surface, cosine=np.where(stranger, 0, surface.cosine).astype(np.float32))
    return kept


def _strange(tree: cKDTree, surface: ViewSurface, motion: Array) -> Array:
    """(H, W) bool: what hangs together with something far from the nominal surface, and what lies beside that."""
    shape = surface.depth.shape
    measured = (surface.depth > 0) & (surface.cosine > 0)
    asked = measured[::STEP, ::STEP]
    here = moved(motion, surface.points[::STEP, ::STEP][asked].astype(np.float64))
    distance = np.zeros(asked.shape)
    distance[asked] = tree.query(here, distance_upper_bound=FAR)[0]
    off = (distance > OFF).astype(np.uint8)
    count, piece = cv2.connectedComponents(off, connectivity=8)
    reaches = np.zeros(count, dtype=bool)
    reaches[piece[np.isinf(distance)]] = True
    reaches[0] = False
    small = reaches[piece].astype(np.uint8)
    size = 2 * rim(shape[1]) + 1
    large = cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.dilate(large, np.ones((size, size), np.uint8)) > 0)
