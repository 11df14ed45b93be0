"""Light: what surfaces send back of the projector's and the hall's."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.cadscan.kernels.compiling import compiled

Array = npt.NDArray[Any]

ONE = np.float32(1)
TWO = np.float32(2)
THREE = np.float32(3)
HALF = np.float32(0.5)
BLOCK = 256  # pixels whose cosines stay in the processor's nearest cache
SKY_BASE, SKY_OVERHEAD = 0.10, 0.55


@compiled
def reflection(nl: Any, nv: Any, nh: Any, vh: Any, roughness: Any, f0: Any) -> Any:
    """Cook-Torrance from the cosines between normal, light, view and the half vector; see `shading.ggx`."""
    if nl <= 0 or nv <= 0:
        return 0 * roughness
    nh, vh = min(max(nh, 0), 1), min(max(vh, 0), 1)
    squared = roughness * roughness * roughness * roughness
    spread = nh * nh * (squared - ONE) + ONE
    distribution = squared / (np.pi * spread * spread)
    nl, nv = min(max(nl, 1e-4), 1), min(max(nv, 1e-4), 1)
    visibility = HALF / (
        nl * np.sqrt(nv * nv * (ONE - squared) + squared) + nv * np.sqrt(nl * nl * (ONE - squared) + squared)
    )
    away = 1 - vh
    return distribution * visibility * (f0 + (1 - f0) * away * away * away * away * away)


@compiled
def ggx(normals: Array, view: Array, light: Array, roughness: Array, f0: Array) -> Array:
    """(M,) `reflection` of vectors (M, 3)."""
    result = np.empty(len(normals), roughness.dtype)
    for m in range(len(normals)):
        nl = nv = hh = nh = vh = 0 * normals[m, 0]
        for axis in range(3):
            nl += normals[m, axis] * light[m, axis]
            nv += normals[m, axis] * view[m, axis]
            half = view[m, axis] + light[m, axis]
            hh += half * half
            nh += normals[m, axis] * half
            vh += view[m, axis] * half
        length = max(np.sqrt(hh), 1e-6)
        result[m] = reflection(nl, nv, nh / length, vh / length, roughness[m], f0[m])
    return result


@compiled
def sky(x: Any, y: Any, z: Any, blur: Any, lamps: Array) -> Any:
    """Light of the hall from a direction, mirrored by a surface of a roughness; `lamps` (L, 4): where, and power."""
    ceiling = min(max(HALF + HALF * z / (np.float32(0.3) + blur), np.float32(0)), ONE)
    radiance = np.float32(SKY_BASE) + np.float32(SKY_OVERHEAD) * ceiling * ceiling * (THREE - TWO * ceiling)
    wide = max(blur, np.float32(0.15))
    sharpness = TWO / (wide * wide)
    weaker = min(sharpness / np.float32(16), ONE)
    for index in range(len(lamps)):
        cosine = x * lamps[index, 0] + y * lamps[index, 1] + z * lamps[index, 2]
        radiance += lamps[index, 3] * weaker * np.exp(sharpness * (cosine - ONE))
    return radiance


@compiled
def sky_radiance(directions: Array, blur: Array, lamps: Array) -> Array:
    """(M,) float32 `sky` of (M, 3) directions; the roughness is (M,) or (1,)."""
    result, many = np.empty(len(directions), np.float32), len(blur) > 1
    for m in range(len(directions)):
        result[m] = sky(directions[m, 0], directions[m, 1], directions[m, 2], blur[m if many else 0], lamps)
    return result


@compiled
def irradiance(normals: Array, directions: Array, power: Array) -> Array:
    """(M,) float32 sum of the power of directions times their cosines with (M, 3) normals, where these are positive."""
    count = len(normals)
    result = np.empty(count, np.float32)
    x, y, z = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    total = np.empty(BLOCK, np.float32)
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        for m in range(size):
            x[m], y[m], z[m] = normals[start + m, 0], normals[start + m, 1], normals[start + m, 2]
        total[:] = 0
        for index in range(len(directions)):
            dx, dy, dz, strength = (
                directions[index, 0],
                directions[index, 1],
                directions[index, 2],
                power[index],
            )
            for m in range(BLOCK):
                cosine = x[m] * dx + y[m] * dy + z[m] * dz
                total[m] += strength * max(cosine, np.float32(0))
        result[start : start + size] = total[:size]
    return result


@compiled
def face_camera(normals: Array, seen: Array) -> None:
    """Brings normals (M, 3) that the texture tilted away from the camera back to its horizon, in place."""
    for m in range(len(normals)):
        x, y, z = normals[m, 0], normals[m, 1], normals[m, 2]
        a, b, c = seen[m, 0], seen[m, 1], seen[m, 2]
        short = x * a + y * b + z * c - np.float32(0.02)
        if short < 0:
            x, y, z = x - short * a, y - short * b, z - short * c
            length = ONE / np.sqrt(x * x + y * y + z * z)
            normals[m, 0], normals[m, 1], normals[m, 2] = x * length, y * length, z * length


@compiled
def shade(
    points: Array,
    seen: Array,
    normals: Array,
    albedo: Array,
    f0: Array,
    roughness: Array,
    blocked: Array,
    openness: Array,
    diffuse: Array,
    projector: Array,
    power: float,
    reach: float,
    hall: float,
    lamps: Array,
) -> tuple[Array, Array, Array]:
    """What surfaces send to the camera.

    Args:
        points: (M, 3) world frame, mm.
        seen: (M, 3) float32 unit directions to the camera.
        normals: (M, 3) float32 unit, towards the camera.
        albedo, f0, roughness: (M,) float32.
        blocked: (M,) bool, the projector does not reach it.
        openness: (M,) float32 share of the hall's light.
        diffuse: (M,) float32 `irradiance` of the hall.
        projector: (3,) its place, world frame.
        power: Of the projector, at the distance `reach`.
        reach: mm.
        hall: Power of the hall.
        lamps: (L, 4) of the hall.

    Returns:
        (M,) radiance, (M,) the projector's share of it, (M,) gloss; float32.
    """
    count = len(points)
    radiance, projected = np.empty(count, np.float32), np.empty(count, np.float32)
    gloss = np.empty(count, np.float32)
    for m in range(count):
        nx, ny, nz = normals[m, 0], normals[m, 1], normals[m, 2]
        vx, vy, vz = seen[m, 0], seen[m, 1], seen[m, 2]
        rough, head_on = roughness[m], f0[m]
        nv = nx * vx + ny * vy + nz * vz
        light = np.float32(0)
        if not blocked[m]:
            dx, dy, dz = projector[0] - points[m, 0], projector[1] - points[m, 1], projector[2] - points[m, 2]
            squared = dx * dx + dy * dy + dz * dz
            inverse = 1 / np.sqrt(squared)
            lx, ly, lz = np.float32(dx * inverse), np.float32(dy * inverse), np.float32(dz * inverse)
            nl = nx * lx + ny * ly + nz * lz
            if nl > 0:
                hx, hy, hz = vx + lx, vy + ly, vz + lz
                half = ONE / max(np.sqrt(hx * hx + hy * hy + hz * hz), np.float32(1e-6))
                nh = (nx * hx + ny * hy + nz * hz) * half
                vh = (vx * hx + vy * hy + vz * hz) * half
                lobe = reflection(nl, nv, nh, vh, rough, head_on)
                light = np.float32((albedo[m] + np.pi * lobe) * nl * power * reach * reach / squared)
        away = ONE - min(max(nv, np.float32(0)), ONE)
        fresnel = head_on + (ONE - head_on) * (ONE - rough) * (away * away * away * away * away)
        mirrored = sky(TWO * nv * nx - vx, TWO * nv * ny - vy, TWO * nv * nz - vz, rough, lamps)
        hall_light = (albedo[m] * diffuse[m] + fresnel * mirrored) * hall * (0.06 + 0.94 * openness[m])
        radiance[m], projected[m] = light + hall_light, light
        gloss[m] = head_on * (ONE - rough)
    return radiance, projected, gloss
