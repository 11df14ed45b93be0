"""Points looked up on the surface that a view measured: how far they lie from it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from modmap.alignment.motion import dot, length
from modmap.alignment.surface import WHOLE, ViewSurface
from modmap.types import Array

OUTSIDE = -1e4
APART = 2.0  # mm: what differs by more isn't one surface
ROW = 1024  # OpenCV wants maps of two axes, each below 2**15 long


@dataclass(frozen=True, eq=False)
class LookUp:
    """What a view measured where it would see some points.

    Attributes:
        place: (M, 2) float32 pixel coordinates (u, v); far outside where a point can't be seen.
        deviation: (M,) float32 mm from the surface there to the point along the surface's normal, positive towards the
            camera; NaN unless all four pixels around the place are smooth surface, without a jump between them.
        normals: (M, 3) float32 unit normals of the surface; what they are where nothing is known doesn't matter.
    """

    place: Array
    deviation: Array
    normals: Array


def looked_up(surface: ViewSurface, points: Array) -> LookUp:
    """Looks points up on the surface of a view.

    Args:
        surface: The view's.
        points: (M, 3) world points, mm.
    """
    place = places_in(surface, points)
    known = read_at(surface.smooth.astype(np.float32), place) > WHOLE
    there, normals = read_at(surface.points, place), read_at(surface.normals, place)
    normals /= np.maximum(length(normals)[:, None], np.float32(1e-6))
    deviation = dot(points.astype(np.float32) - there, normals)
    return LookUp(place, np.where(known, deviation, np.float32(np.nan)), normals)


def places_in(surface: ViewSurface, points: Array) -> Array:
    """(M, 2) float32 pixel coordinates of world points (M, 3) in a view, far outside where it can't see them."""
    uv, _ = surface.camera.project(points)
    return np.asarray(np.nan_to_num(uv, nan=OUTSIDE).clip(OUTSIDE, -OUTSIDE).astype(np.float32))


def read_at(values: Array, place: Array) -> Array:
    """(M,) or (M, C) bilinear values of a map (H, W) or (H, W, C) at pixel coordinates (M, 2); 0 outside."""
    rows = -(-len(place) // ROW)
    padded = np.full((rows * ROW, 2), OUTSIDE, dtype=np.float32)
    padded[: len(place)] = place
    u, v = np.ascontiguousarray(padded.reshape(rows, ROW, 2).transpose(2, 0, 1))
    if not rows:
        return np.zeros((0, *values.shape[2:]), dtype=values.dtype)
    found = cv2.remap(values, u, v, cv2.INTER_LINEAR)
    return np.asarray(found.reshape(rows * ROW, *found.shape[2:])[: len(place)])


def nearest_at(values: Array, place: Array) -> Array:
    """(M,) or (M, C) values of a map (H, W) or (H, W, C) at the pixels nearest to coordinates (M, 2); 0 outside."""
    column, row = np.rint(np.clip(place, OUTSIDE, -OUTSIDE)).astype(np.int64).T
    inside = (row >= 0) & (row < values.shape[0]) & (column >= 0) & (column < values.shape[1])
    found = np.zeros((len(place), *values.shape[2:]), dtype=values.dtype)
    found[inside] = values[row[inside], column[inside]]
    return found


def looked_past(view: ViewSurface, points: Array, *, around: int = 1) -> Array:
    """(M,) mm by which a view measured farther than some points, along its axis; NaN where it measured too little.

    The nearest of the pixels around each point counts: a look past an edge by a pixel isn't one through it.

    Args:
        view: The view.
        points: (M, 3) world points, mm.
        around: Pixels to either side.
    """
    nearest = cv2.erode(view.depth, np.ones((2 * around + 1,) * 2, np.uint8), borderValue=0)
    measured = nearest_at(nearest, places_in(view, points))
    local = points @ view.camera.T_world_to_camera[2, :3] + view.camera.T_world_to_camera[2, 3]
    return np.where(measured > 0, measured - local, np.nan)
