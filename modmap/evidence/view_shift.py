"""How far each view is shifted between two scans, as no robot comes back to exactly the same place.

A camera that is turned by a hundredth of a degree sees a part half a metre away shifted by a tenth of a millimetre, and
turned by no more than itself. So a shift is all that is asked for, as one view often leaves the part's turns open.
"""

from __future__ import annotations

import numpy as np

from modmap.alignment.motion import moved
from modmap.alignment.registration import LEAST_SCALE, TUKEY, Samples
from modmap.alignment.surface import ViewSurface
from modmap.evidence.lookup import looked_up
from modmap.types import Array

ROUNDS = 6
FARTHEST = 1.0  # mm
HELD = 0.02  # of how strongly points that all face one way hold a shift along it: less isn't followed


def view_shift(nominal: ViewSurface, samples: Samples, motion: Array) -> Array:
    """(3,) mm by which points that a motion carries to the nominal scan's world must still be shifted.

    Args:
        nominal: The nominal view's surface.
        samples: Of the new scan's same view.
        motion: (4, 4) the part's, from the new scan's world to the nominal one's.
    """
    points, shift = moved(motion, samples.points), np.zeros(3)
    for _ in range(ROUNDS):
        found = looked_up(nominal, points + shift)
        near = np.abs(found.deviation) < FARTHEST
        if not near.any():
            break
        deviation, normals = found.deviation[near].astype(np.float64), found.normals[near].astype(np.float64)
        width = TUKEY * max(1.4826 * float(np.median(np.abs(deviation))), LEAST_SCALE)
        weighted = normals * (np.clip(1 - (deviation / width) ** 2, 0, None) ** 2)[:, None]
        held = HELD * len(normals) * np.eye(3)
        shift -= np.linalg.solve(weighted.T @ normals + held, weighted.T @ deviation)
    return shift
