"""Rays: where they go, and what they hit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.cadscan.kernels.compiling import compiled

Array = npt.NDArray[Any]

ONE = np.float32(1)


@compiled
def directions_of(u: Array, v: Array, K: Array, rotation: Array) -> Array:
    """(M, 3) directions of pixels in the world, of length 1 along the optical axis; `rotation` is world to camera."""
    result = np.empty((len(u), 3), np.float64)
    for m in range(len(u)):
        x, y = (u[m] - K[0, 2]) / K[0, 0], (v[m] - K[1, 2]) / K[1, 1]
        for axis in range(3):
            result[m, axis] = x * rotation[0, axis] + y * rotation[1, axis] + rotation[2, axis]
    return result


@compiled
def rays(origins: Array, directions: Array) -> Array:
    """(M, 6) float32; the origins are (M, 3) or (1, 3)."""
    result, many = np.empty((len(directions), 6), np.float32), len(origins) > 1
    for m in range(len(directions)):
        for axis in range(3):
            result[m, axis] = origins[m if many else 0, axis]
            result[m, 3 + axis] = directions[m, axis]
    return result


@compiled
def normals_at(
    t: Array, face: Array, uv: Array, directions: Array, corners: Array, flats: Array
) -> tuple[Array, Array, Array]:
    """Where rays ended: (M,) int32 faces, -1 for a miss, (M, 3) smooth normals, (M, 3) normals of the triangles."""
    count = len(t)
    faces = np.empty(count, np.int32)
    normals, flat = np.zeros((count, 3), np.float32), np.zeros((count, 3), np.float32)
    for m in range(count):
        if not np.isfinite(t[m]):
            faces[m] = -1
            continue
        number = np.int32(face[m])
        faces[m] = number
        b, c = uv[m, 0], uv[m, 1]
        a = ONE - b - c
        x = a * corners[number, 0, 0] + b * corners[number, 1, 0] + c * corners[number, 2, 0]
        y = a * corners[number, 0, 1] + b * corners[number, 1, 1] + c * corners[number, 2, 1]
        z = a * corners[number, 0, 2] + b * corners[number, 1, 2] + c * corners[number, 2, 2]
        behind = (
            flats[number, 0] * directions[m, 0]
            + flats[number, 1] * directions[m, 1]
            + flats[number, 2] * directions[m, 2]
        ) > 0
        side = -ONE if behind else ONE
        length = side / max(np.sqrt(x * x + y * y + z * z), np.float32(1e-9))
        normals[m, 0], normals[m, 1], normals[m, 2] = x * length, y * length, z * length
        for axis in range(3):
            flat[m, axis] = side * flats[number, axis]
    return faces, normals, flat


@compiled
def ends(origin: Array, directions: Array, t: Array, normals: Array) -> tuple[Array, Array, Array]:
    """(N, 3) places where rays ended, (N, 3) float32 unit directions back, (N,) float32 cosines with the normals."""
    count = len(t)
    points, seen = np.empty((count, 3), np.float64), np.empty((count, 3), np.float32)
    cosine = np.empty(count, np.float32)
    for m in range(count):
        x, y, z = directions[m, 0], directions[m, 1], directions[m, 2]
        back = -1 / np.sqrt(x * x + y * y + z * z)
        distance, dot = np.float64(t[m]), 0.0
        for axis in range(3):
            points[m, axis] = origin[axis] + distance * directions[m, axis]
            seen[m, axis] = directions[m, axis] * back
            dot += directions[m, axis] * back * normals[m, axis]
        cosine[m] = dot
    return points, seen, cosine


@compiled
def shadow_rays(points: Array, targets: Array, flat: Array, lift: float) -> tuple[Array, Array, Array]:
    """Rays from a little above (M, 3) points to (M, 3) or (1, 3) targets, where they are before the surface.

    Returns:
        (M,) bool: the target is behind the surface; (N,) which of them aren't; (N, 6) float32 rays of these.
    """
    count, many = len(points), len(targets) > 1
    behind, chosen = np.empty(count, np.bool_), np.empty(count, np.int64)
    result, number = np.empty((count, 6), np.float32), 0
    for m in range(count):
        row = m if many else 0
        fx, fy, fz = np.float64(flat[m, 0]), np.float64(flat[m, 1]), np.float64(flat[m, 2])
        x, y, z = points[m, 0] + lift * fx, points[m, 1] + lift * fy, points[m, 2] + lift * fz
        wx, wy, wz = targets[row, 0] - x, targets[row, 1] - y, targets[row, 2] - z
        behind[m] = wx * fx + wy * fy + wz * fz <= 0
        if not behind[m]:
            chosen[number] = m
            result[number, 0], result[number, 1], result[number, 2] = x, y, z
            result[number, 3], result[number, 4], result[number, 5] = wx, wy, wz
            number += 1
    return behind, chosen[:number], result[:number]
