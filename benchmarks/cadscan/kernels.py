"""The loops over pixels, compiled: all in one file, as what is kept of their compilation is renewed by file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Compiled = TypeVar("Compiled", bound=Callable[..., Any])

CELLS = 64
LAST = CELLS - 1
ONE, TWO, THREE, HALF = np.float32(1), np.float32(2), np.float32(3), np.float32(0.5)
EVEN, BRUSHED, TURNED = 0, 1, 2
TURN = np.float32(CELLS / (2 * np.pi))
BLOCK = 256  # pixels whose cosines stay in the processor's nearest cache
FAR = np.float32(1e6)  # mm, where nothing is seen
NEAR = 1e-3  # mm before a place, nearer than which nothing is projected
SLACK = 1e-3  # of a pixel, by which rounding may move a border

SKY_BASE, SKY_OVERHEAD = 0.10, 0.55


def compiled(function: Compiled) -> Compiled:
    """Compiles a function for the types that it is called with, and keeps the outcome on disk."""
    made: Any = numba.njit(cache=True, error_model="numpy")(function)
    return cast(Compiled, made)


# Rays


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


# Texture


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


# Light


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


@compiled
def put(
    at: Array,
    radiance: Array,
    projected: Array,
    gloss: Array,
    blocked: Array,
    second_blocked: Array,
    new_radiance: Array,
    new_projected: Array,
    new_gloss: Array,
    new_blocked: Array,
    new_second_blocked: Array,
) -> None:
    """Writes (N,) values into five arrays at (N,) places."""
    for m in range(len(at)):
        place = at[m]
        radiance[place], projected[place], gloss[place] = new_radiance[m], new_projected[m], new_gloss[m]
        blocked[place], second_blocked[place] = new_blocked[m], new_second_blocked[m]


@compiled
def jumps(z: Array, cosine: Array, step: float, turn: float) -> Array:
    """(H, W) bool: pixels beside another; see `sensor.edges`.

    Args:
        z: (H, W) float32, inf where there is nothing.
        cosine: (H, W) float32 of the incidence.
        step: Least jump of the depth, of the depth, where the cosine is 1.
        turn: Least jump of the cosine.
    """
    height, width = z.shape
    found = np.zeros((height, width), np.bool_)
    for v in range(height):
        for u in range(width):
            here, slope = min(z[v, u], FAR), cosine[v, u]
            for down, right in ((1, 0), (0, 1)):
                if v + down < height and u + right < width:
                    there, other = min(z[v + down, u + right], FAR), cosine[v + down, u + right]
                    flatter = max(min(slope, other), np.float32(0.1))
                    allowed = np.float32(step) * min(here, there) / flatter
                    if abs(here - there) > allowed or abs(slope - other) > turn:
                        found[v, u] = found[v + down, u + right] = True
    return found


@compiled
def interpolate_sparse(
    loose: Array, step: int, radiance: Array, projected: Array, gloss: Array, blocked: Array
) -> tuple[Array, Array]:
    """Fills pixels with the mean of the nearest ones of a grid, in place: two or four, as far as they are loose, too.

    Args:
        loose: (H, W) bool, the pixels that are to be filled, and to be filled from. H - 1 and W - 1 are multiples of
            the step.
        step: Of the grid; those on it have their values.
        radiance, projected, gloss: (H, W) float32.
        blocked: (H, W) bool; at least half of the nearest ones are.

    Returns:
        (N,) columns and (N,) rows of the loose pixels that have no loose one beside them on the grid.
    """
    height, width = loose.shape
    columns, rows = np.empty(height * width, np.int64), np.empty(height * width, np.int64)
    left = 0
    for v in range(height):
        top, bottom = v // step * step, -(-v // step) * step
        for u in range(width):
            first, last = u // step * step, -(-u // step) * step
            if not loose[v, u] or (top == v and first == u):
                continue
            count, dark = 0, 0
            light, lamp, shine = np.float32(0), np.float32(0), np.float32(0)
            for row in range(top, bottom + 1, step):
                for column in range(first, last + 1, step):
                    if loose[row, column]:
                        count += 1
                        light += radiance[row, column]
                        lamp += projected[row, column]
                        shine += gloss[row, column]
                        dark += blocked[row, column]
            if count == 0:
                columns[left], rows[left] = u, v
                left += 1
                continue
            share = ONE / np.float32(count)
            radiance[v, u], projected[v, u], gloss[v, u] = light * share, lamp * share, shine * share
            blocked[v, u] = 2 * dark >= count
    return columns[:left].copy(), rows[:left].copy()


# What a camera sees, by projection of the triangles on to its pixels


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
