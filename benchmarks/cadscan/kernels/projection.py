"""What a camera sees first, by projection of the triangles on to its pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.cadscan.kernels.compiling import compiled

Array = npt.NDArray[Any]

NEAR = 1e-3  # mm before a place, nearer than which nothing is projected
SLACK = 1e-3  # of a pixel, by which rounding may move a border


@compiled
def _edges_of(faces: Array, f: int, places: Array, sides: Array) -> float:
    """Writes the planes through a place and the edges of a triangle; rays (x, y, 1) that hit it are above all three.

    The triangle has the parameter of the value returned over the sum of the three planes' values at the ray.
    """
    a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
    for side in range(3):
        p, q = (b, c) if side == 0 else ((c, a) if side == 1 else (a, b))
        sides[side, 0] = places[p, 1] * places[q, 2] - places[p, 2] * places[q, 1]
        sides[side, 1] = places[p, 2] * places[q, 0] - places[p, 0] * places[q, 2]
        sides[side, 2] = places[p, 0] * places[q, 1] - places[p, 1] * places[q, 0]
    volume = places[a, 0] * sides[0, 0] + places[a, 1] * sides[0, 1] + places[a, 2] * sides[0, 2]
    if volume < 0:
        for side in range(3):
            for axis in range(3):
                sides[side, axis] = -sides[side, axis]
    return float(abs(volume))


@compiled
def _seen_from(vertices: Array, pose: Array) -> Array:
    """(V, 3) vertices in the frame of a place, by (3, 4) its pose, world to frame."""
    places = np.empty((len(vertices), 3), np.float64)
    for m in range(len(vertices)):
        x, y, z = np.float64(vertices[m, 0]), np.float64(vertices[m, 1]), np.float64(vertices[m, 2])
        for axis in range(3):
            places[m, axis] = pose[axis, 0] * x + pose[axis, 1] * y + pose[axis, 2] * z + pose[axis, 3]
    return places


@compiled
def _extent(faces: Array, f: int, places: Array, limits: tuple[Any, Any, Any, Any]) -> Any:
    """Lowest x and y and highest x and y, within limits, of the rays (x, y, 1) that can hit a triangle."""
    x0, y0, x1, y1 = np.inf, np.inf, -np.inf, -np.inf
    before = 0
    for corner in range(3):
        z = places[faces[f, corner], 2]
        if z > NEAR:
            before += 1
            x, y = places[faces[f, corner], 0] / z, places[faces[f, corner], 1] / z
            x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
    if 0 < before < 3:
        return limits
    return max(x0, limits[0]), max(y0, limits[1]), min(x1, limits[2]), min(y1, limits[3])


@compiled
def _span(sides: Array, y: float, low: float, high: float) -> tuple[float, float]:
    """Lowest and highest x of the rays (x, y, 1) of a row that can hit a triangle."""
    for side in range(3):
        slope, rest = sides[side, 0], sides[side, 1] * y + sides[side, 2]
        if slope > 0:
            low = max(low, -rest / slope)
        elif slope < 0:
            high = min(high, -rest / slope)
        elif rest < 0:
            high = -np.inf
    return low, high


@compiled
def first_hits(
    vertices: Array, faces: Array, K: Array, pose: Array, width: int, height: int
) -> tuple[Array, Array, Array]:
    """What the pixels of a camera see first.

    Args:
        vertices: (V, 3) mm.
        faces: (F, 3) int32.
        K: (3, 3) intrinsics.
        pose: (3, 4) or (4, 4) world to camera.
        width: Pixels.
        height: Pixels.

    Returns:
        Of (H * W) pixels: float32 planar depth, inf where there is nothing; int32 faces, -1 there; (H * W, 2) float32
        weights of the faces' second and third corner.
    """
    places = _seen_from(vertices, pose)
    depth, face = np.full((height, width), np.inf), np.full((height, width), np.int32(-1))
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    limits = (-cx / fx, -cy / fy, (width - 1 - cx) / fx, (height - 1 - cy) / fy)
    sides = np.empty((3, 3), np.float64)
    planes = np.empty((len(faces), 3, 3), np.float64)
    for f in range(len(faces)):
        x0, y0, x1, y1 = _extent(faces, f, places, limits)
        top, bottom = max(0, int(np.ceil(y0 * fy + cy - SLACK))), min(height - 1, int(y1 * fy + cy + SLACK))
        left, right = x0 * fx + cx, x1 * fx + cx
        if not (x0 <= x1 and y0 <= y1) or bottom < top or np.ceil(left - SLACK) > right + SLACK:
            continue
        volume = _edges_of(faces, f, places, sides)
        if volume == 0:
            continue
        planes[f] = sides
        for v in range(top, bottom + 1):
            y = (v - cy) / fy
            low, high = _span(sides, y, x0, x1)
            if not low <= high + SLACK:
                continue
            first, last = (
                max(0, int(np.ceil(low * fx + cx - SLACK))),
                min(width - 1, int(high * fx + cx + SLACK)),
            )
            a0 = sides[0, 1] * y + sides[0, 2]
            b0 = sides[1, 1] * y + sides[1, 2]
            c0 = sides[2, 1] * y + sides[2, 2]
            for u in range(first, last + 1):
                x = (u - cx) / fx
                a, b, c = sides[0, 0] * x + a0, sides[1, 0] * x + b0, sides[2, 0] * x + c0
                if a >= 0 and b >= 0 and c >= 0 and a + b + c > 0:
                    t = volume / (a + b + c)
                    if t < depth[v, u]:
                        depth[v, u], face[v, u] = t, f
    t, uv = np.empty(height * width, np.float32), np.zeros((height * width, 2), np.float32)
    for v in range(height):
        y = (v - cy) / fy
        for u in range(width):
            t[v * width + u] = depth[v, u]
            f = face[v, u]
            if f >= 0:
                x = (u - cx) / fx
                a = planes[f, 0, 0] * x + planes[f, 0, 1] * y + planes[f, 0, 2]
                b = planes[f, 1, 0] * x + planes[f, 1, 1] * y + planes[f, 1, 2]
                c = planes[f, 2, 0] * x + planes[f, 2, 1] * y + planes[f, 2, 2]
                uv[v * width + u, 0], uv[v * width + u, 1] = b / (a + b + c), c / (a + b + c)
    return t, face.reshape(-1), uv
