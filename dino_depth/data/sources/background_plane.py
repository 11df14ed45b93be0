"""Taking out the plane that a part lies on, as is usual for MVTec 3D-AD and Eyecandies."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

BORDER = 0.05
SAMPLES = 300
TOLERANCE = 0.005
FEWEST, ENOUGH = 50, 2000
MOST_OF_THE_BORDER = 0.6


def remove_background_plane(depth: Array, *, tolerance: float = TOLERANCE) -> Array:
    """Makes holes of the pixels on the plane that the map's border shows.

    To a pinhole camera, a plane's inverse depth is linear in the pixel: 1 / z = a u + b v + c. RANSAC finds it among
    the measured pixels of the border, least squares makes it exact. Always the same for the same map.

    Args:
        depth: (H, W) float32, 0 where nothing was measured.
        tolerance: The largest distance from the plane, as a share of its depth, at which a pixel is on it.

    Returns:
        (H, W) float32; as it was where fewer than three fifths of the border are on one plane.
    """
    height, width = depth.shape
    v, u = np.mgrid[0:height, 0:width]
    # Sides from -1 to 1 keep the least squares well conditioned.
    pixels = np.stack([2 * u / width - 1, 2 * v / height - 1, np.ones(depth.shape)], axis=-1)
    thickness = max(1, round(BORDER * min(height, width)))
    border = np.ones(depth.shape, dtype=bool)
    border[thickness:-thickness, thickness:-thickness] = False
    chosen = border & (depth > 0)
    if np.count_nonzero(chosen) < FEWEST:
        return depth
    points, z = pixels[chosen], depth[chosen].astype(np.float64)
    # A large map's border has far more points than it takes to count by.
    some = slice(None, None, max(1, len(z) // ENOUGH))
    plane = _most_common_plane(points[some], z[some], tolerance)
    near = _on_plane(points, z, plane, tolerance)
    if near.mean() < MOST_OF_THE_BORDER:
        return depth
    plane = np.linalg.lstsq(points[near], 1 / z[near], rcond=None)[0]
    return np.where(_on_plane(pixels, depth, plane, tolerance), 0, depth).astype(np.float32)


def _most_common_plane(points: Array, z: Array, tolerance: float) -> Array:
    """(3,) of the planes through three random points the one that most points are on."""
    rng = np.random.default_rng(0)
    triples = rng.integers(len(z), size=(SAMPLES, 3))
    corners = points[triples]
    # Three points in a row, or one drawn twice, have no plane.
    triples = triples[np.abs(np.linalg.det(corners)) > 1e-3]
    if len(triples) == 0:
        return np.array([0.0, 0.0, float(np.median(1 / z))])
    planes = np.linalg.solve(points[triples], (1 / z[triples])[..., None])[..., 0]
    counts = [np.count_nonzero(_on_plane(points, z, plane, tolerance)) for plane in planes]
    return np.asarray(planes[int(np.argmax(counts))])


def _on_plane(points: Array, z: Array, plane: Array, tolerance: float) -> Array:
    return np.asarray(np.abs((points @ plane) * z - 1) <= tolerance)
