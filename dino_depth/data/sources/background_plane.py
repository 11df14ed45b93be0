"""Taking out the plane that a part lies on, to the last bit as modmap does before it uses an encoder."""

from __future__ import annotations

import numpy as np

from dino_depth.arrays import Array

BORDER = 0.04
TRIES = 200
TOLERANCE = 0.005
FEWEST = 50
LARGEST_SHARE = 0.6
DEGENERATE = 1e-9


def without_background_plane(depth: Array, *, tolerance: float = TOLERANCE) -> Array:
    """The depth map with 0 where it lies on the plane of its border.

    To a pinhole camera, a plane's inverse depth is linear in the pixel, 1 / z = a u + b v + c. It is fitted by RANSAC
    to the measured pixels of a strip along the border, then by least squares to its inliers; it counts as found where
    most of the strip lies on it. Always the same for the same map.

    Args:
        depth: (H, W) float32, 0 where nothing was measured.
        tolerance: How far from the plane's depth is taken out, as a share of it.

    Returns:
        (H, W), of the same type; unchanged where the border holds no plane.
    """
    height, width = depth.shape
    edge = max(1, round(BORDER * min(height, width)))
    strip = np.ones(depth.shape, dtype=bool)
    strip[edge : height - edge, edge : width - edge] = False
    v, u = np.nonzero(strip & (depth > 0))
    if len(v) < FEWEST:
        return depth
    z = depth[v, u].astype(np.float64)
    places = np.stack([u / width, v / height, np.ones(len(z))], axis=1)
    plane = _ransac(places, z, tolerance)
    on_plane = np.abs(places @ plane * z - 1) <= tolerance
    if on_plane.mean() < LARGEST_SHARE:
        return depth
    plane = np.linalg.lstsq(places[on_plane], 1 / z[on_plane], rcond=None)[0]
    rows, columns = np.mgrid[0:height, 0:width]
    inverse = plane[0] * columns / width + plane[1] * rows / height + plane[2]
    kept = (depth > 0) & (np.abs(inverse * depth - 1) > tolerance)
    return np.where(kept, depth, 0).astype(depth.dtype)


def _ransac(places: Array, z: Array, tolerance: float) -> Array:
    """(3,) the plane through three of the points that the most points are on."""
    rng = np.random.default_rng(0)
    best, most = np.array([0.0, 0.0, float(np.median(1 / z))]), -1
    for _ in range(TRIES):
        chosen = rng.choice(len(z), 3, replace=False)
        if abs(np.linalg.det(places[chosen])) < DEGENERATE:
            continue
        plane = np.linalg.solve(places[chosen], 1 / z[chosen])
        count = int(np.count_nonzero(np.abs(places @ plane * z - 1) <= tolerance))
        if count > most:
            best, most = plane, count
        if most == len(z):
            break  # no other plane can be on more
    return best
