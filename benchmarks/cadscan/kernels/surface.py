"""Texture: noise on a lattice in space, and what materials make of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.cadscan.kernels.compiling import compiled

Array = npt.NDArray[Any]

CELLS = 64
LAST = CELLS - 1
ONE = np.float32(1)
TWO = np.float32(2)
THREE = np.float32(3)
EVEN, BRUSHED, TURNED = 0, 1, 2
TURN = np.float32(CELLS / (2 * np.pi))


@compiled
def _cell(x: Any, y: Any, z: Any) -> Any:
    """The numbers of the eight lattice points around a place, and the smooth weights of the further ones."""
    lx, ly, lz = np.floor(x), np.floor(y), np.floor(z)
    fx, fy, fz = x - lx, y - ly, z - lz
    i, j, k = np.int64(lx) & LAST, np.int64(ly) & LAST, np.int64(lz) & LAST
    near, far = i * CELLS * CELLS, ((i + 1) & LAST) * CELLS * CELLS
    left, right, up = j * CELLS, ((j + 1) & LAST) * CELLS, (k + 1) & LAST
    corners = (
        near + left + k,
        near + left + up,
        near + right + k,
        near + right + up,
        far + left + k,
        far + left + up,
        far + right + k,
        far + right + up,
    )
    return corners, fx * fx * (THREE - TWO * fx), fy * fy * (THREE - TWO * fy), fz * fz * (THREE - TWO * fz)


@compiled
def _between(values: Array, at: Any, wx: Any, wy: Any, wz: Any, channel: int) -> Any:
    a, b = values[at[0], channel], values[at[2], channel]
    c, d = values[at[4], channel], values[at[6], channel]
    a += (values[at[1], channel] - a) * wz
    b += (values[at[3], channel] - b) * wz
    c += (values[at[5], channel] - c) * wz
    d += (values[at[7], channel] - d) * wz
    a += (b - a) * wy
    c += (d - c) * wy
    return a + (c - a) * wx


@compiled
def lattice(values: Array, coordinates: Array) -> Array:
    """(M, C) float32 fields of (64^3, C) values at (M, 3) float32 places."""
    result = np.empty((len(coordinates), values.shape[1]), np.float32)
    for m in range(len(coordinates)):
        at, wx, wy, wz = _cell(coordinates[m, 0], coordinates[m, 1], coordinates[m, 2])
        for channel in range(values.shape[1]):
            result[m, channel] = _between(values, at, wx, wy, wz, channel)
    return result


@compiled
def texture(
    points: Array,
    normals: Array,
    body: Array,
    plain: Array,
    first: Array,
    flows: Array,
    layers: Array,
    values: Array,
    rotation: Array,
    lay: tuple[Any, Any],
) -> tuple[Array, Array, Array, Array]:
    """Reflectance, roughness and tilted normals of a textured surface.

    Args:
        points: (M, 3) float32, part frame.
        normals: (M, 3) float32 unit.
        body: (M,) which material.
        plain: (B, 3) float32 albedo, f0, roughness of the materials.
        first: (B + 1,) int64 where each material's layers begin.
        flows: (L,) int64 the layers' flow.
        layers: (L, 8) float32 across, along, amplitudes of albedo, roughness, tilt, and the offset in the lattice.
        values: (64^3, 4) float32.
        rotation: (3, 3) float32 of even layers.
        lay: Cosine and sine of the brushing's direction.

    Returns:
        (M,) albedo, (M,) f0, (M,) roughness, (M, 3) normals; float32.
    """
    count = len(points)
    albedo, f0 = np.empty(count, np.float32), np.empty(count, np.float32)
    roughness, tilted = np.empty(count, np.float32), np.empty((count, 3), np.float32)
    for m in range(count):
        x, y, z = points[m, 0], points[m, 1], points[m, 2]
        material = body[m]
        factor, rougher = ONE, plain[material, 2]
        radius, turn = np.float32(-1), np.float32(0)
        tx, ty, tz = np.float32(0), np.float32(0), np.float32(0)
        for index in range(first[material], first[material + 1]):
            across = layers[index, 0]
            if flows[index] == EVEN:
                a = (x * rotation[0, 0] + y * rotation[1, 0] + z * rotation[2, 0]) / across
                b = (x * rotation[0, 1] + y * rotation[1, 1] + z * rotation[2, 1]) / across
                c = (x * rotation[0, 2] + y * rotation[1, 2] + z * rotation[2, 2]) / across
            elif flows[index] == BRUSHED:
                a = (x * lay[0] + y * lay[1]) / layers[index, 1]
                b = (y * lay[0] - x * lay[1]) / across
                c = z / across
            else:
                if radius < 0:
                    radius, turn = np.sqrt(x * x + y * y), np.arctan2(y, x) * TURN
                a, b, c = radius / across, turn, z / across
            at, wx, wy, wz = _cell(a + layers[index, 5], b + layers[index, 6], c + layers[index, 7])
            value = _between(values, at, wx, wy, wz, 0)
            factor *= ONE + value * layers[index, 2]
            rougher += value * layers[index, 3]
            tilt = layers[index, 4]
            if tilt != 0:
                tx += tilt * _between(values, at, wx, wy, wz, 1)
                ty += tilt * _between(values, at, wx, wy, wz, 2)
                tz += tilt * _between(values, at, wx, wy, wz, 3)
        albedo[m], f0[m], roughness[m] = plain[material, 0] * factor, plain[material, 1] * factor, rougher
        nx, ny, nz = normals[m, 0], normals[m, 1], normals[m, 2]
        along = ONE - (tx * nx + ty * ny + tz * nz)
        nx, ny, nz = nx * along + tx, ny * along + ty, nz * along + tz
        length = ONE / np.sqrt(nx * nx + ny * ny + nz * nz)
        tilted[m, 0], tilted[m, 1], tilted[m, 2] = nx * length, ny * length, nz * length
    return albedo, f0, roughness, tilted


@compiled
def places_within(points: Array, low: Array, high: Array) -> Array:
    """(N,) int64: which of (M, 3) points are in a box."""
    found, number = np.empty(len(points), np.int64), 0
    for m in range(len(points)):
        inside = True
        for axis in range(3):
            inside &= (points[m, axis] >= low[axis]) & (points[m, axis] <= high[axis])
        found[number] = m
        number += inside
    return found[:number].copy()
