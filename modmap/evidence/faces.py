"""The faces of a part in a view: pieces of surface without an edge, which a good part has a little off as wholes."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from modmap.alignment.surface import ViewSurface
from modmap.types import Array

AROUND = 1.5  # pixels of a view that is 1024 wide: over which normals are compared
ALIKE = 0.985  # length of the mean of unit normals that are of one face: within some 10 degrees of it
TOLERANCE = 0.15  # mm by which a whole face may lie off


def faces_of(surface: ViewSurface) -> Array:
    """(H, W) int32 number of the face that each pixel is of; 0 beside edges and where no surface is."""
    smooth = surface.smooth
    sigma = max(AROUND * smooth.shape[1] / 1024, 0.5)
    mean = cv2.GaussianBlur(np.where(smooth[..., None], surface.normals, 0), (0, 0), sigma)
    share = cv2.GaussianBlur(smooth.astype(np.float32), (0, 0), sigma)
    flat = smooth & (np.linalg.norm(mean, axis=2) > ALIKE * share)
    return np.asarray(cv2.connectedComponents(flat.astype(np.uint8), connectivity=4)[1])


def without_offsets(deviation: Array, face: Array, *, tolerance: float = TOLERANCE) -> Array:
    """(M,) float32 deviations less how far their faces lie off as wholes, as far as the part's tolerance lets them.

    Args:
        deviation: (M,) float32 mm, NaN where nothing is known.
        face: (M,) the faces' numbers; what is of none, 0, stays as it is.
        tolerance: mm: of an offset beyond it the rest remains.
    """
    counted = np.isfinite(deviation) & (face > 0)
    if not counted.any():
        return deviation
    offset = np.zeros(int(face.max()) + 1, dtype=np.float32)
    numbers = np.unique(face[counted])
    offset[numbers] = np.clip(
        ndimage.median(deviation[counted], face[counted], numbers), -tolerance, tolerance
    )
    return np.asarray(deviation - offset[face])
