"""Which views see a defect."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from modmap.scan import Camera

Array = npt.NDArray[Any]

ENOUGH_PIXELS = 20


def visible_pixels(points: Array, z: Array, camera: Camera, *, spacing: float) -> int:
    """How many pixels show a piece of surface.

    Args:
        points: (M, 3) samples of it, world frame, mm.
        z: (H, W) true planar depth, inf where nothing is.
        camera: Where the camera really was.
        spacing: Largest distance between neighbouring samples, mm.

    Returns:
        Count of the pixels whose first surface is within `spacing` of a sample, and of those where a sample
        of a vanished surface would stand before the first surface.
    """
    uv, depth = camera.project(points)
    inside = (depth > 0) & (uv >= -0.5).all(axis=1)
    inside &= (uv[:, 0] < z.shape[1] - 0.5) & (uv[:, 1] < z.shape[0] - 0.5)
    if not inside.any():
        return 0
    points, uv, depth = points[inside], uv[inside], depth[inside]
    margin = int(np.ceil(spacing * camera.K[0, 0] / depth.min())) + 1
    low = np.maximum(np.rint(uv.min(axis=0)).astype(int) - margin, 0)
    high = np.rint(uv.max(axis=0)).astype(int) + margin + 1
    window = z[low[1] : high[1], low[0] : high[0]]
    v, u = np.nonzero(np.isfinite(window))
    surface = camera.back_project(np.stack([u + low[0], v + low[1]], axis=1), window[v, u])
    distance, _ = cKDTree(points).query(surface, distance_upper_bound=spacing)
    shown = np.zeros(window.shape, dtype=bool)
    shown[v, u] = np.isfinite(distance)
    column, row = (np.rint(uv).astype(int) - low).T
    before = depth < window[row, column] - spacing
    shown[row[before], column[before]] = True
    return int(shown.sum())
