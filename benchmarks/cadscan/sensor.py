"""The scanning head: from rays to what every pixel receives, before the camera's and the scanner's errors."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.cadscan import kernels
from benchmarks.cadscan.render import Ends, Hits
from benchmarks.cadscan.shading import lamps, sky_directions, sky_irradiance, sky_radiance
from benchmarks.cadscan.stage import Stage
from modmap.scan import Camera

Array = npt.NDArray[Any]

BAND_PIXELS = 1 << 16  # whose arrays are too small to be given back to the system after every operation
SKY_GRID = 128
SPARSE = 2  # pixels between those of unmeasured surroundings that are shaded
EDGE_COSINE = 0.25
EDGE_STEP = 3.0
SUBPIXELS = ((-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25))


@dataclass(frozen=True)
class Head:
    """A structured-light head: a camera, a projector beside it, a second camera on the projector's far side.

    Attributes:
        projector: (3,) its place in the camera frame, mm.
        second_camera: (3,) likewise.
        distance: Working distance, mm, at which the projector's light on a white patch that faces it counts
            1.
    """

    projector: Array
    second_camera: Array
    distance: float

    @classmethod
    def for_distance(cls, distance: float) -> Head:
        """The head built for a working distance: its baseline is three tenths of it."""
        return cls(
            np.array([0.15, -0.05, 0.0]) * distance, np.array([0.30, 0.0, 0.0]) * distance, distance=distance
        )


@dataclass(frozen=True)
class Light:
    """The light of one scan: power of the projector and of the hall, and how the hall's lamps are turned."""

    projector: float = 1.0
    sky: float = 1.0
    turn: float = 0.0

    @classmethod
    def of_scan(cls, rng: np.random.Generator) -> Light:
        """Another hour, an older lamp."""
        projector, sky = np.exp(rng.normal(0, [0.03, 0.10]))
        return cls(float(projector), float(sky), float(rng.normal(0, np.radians(6))))


@dataclass(frozen=True)
class Trace:
    """What every pixel receives; arrays (H, W).

    Attributes:
        z: float32 planar depth of the first surface, mm, inf where there is none.
        part: bool, the first surface is the part's.
        cosine: float32 of the angle of incidence, of the geometry without texture.
        radiance: float32 light from projector and hall, before exposure.
        projected: float32 the projector's share of it.
        projector_blocked: bool, the projector does not reach the surface.
        second_blocked: bool, the second camera does not see what the projector reaches; asked only where a depth
            map could have it.
        openness: float32 in [0, 1], share of the hall's light that is not shut off by other surfaces.
        gloss: float32, f0 (1 - roughness).
    """

    z: Array
    part: Array
    cosine: Array
    radiance: Array
    projected: Array
    projector_blocked: Array
    second_blocked: Array
    openness: Array
    gloss: Array


def trace(
    stage: Stage,
    camera: Camera,
    head: Head,
    *,
    light: Light | None = None,
    antialias: bool = True,
    shut_off: bool = True,
    step: int | None = None,
) -> Trace:
    """Casts every pixel's ray and shades what it hits.

    Args:
        stage: Part and surroundings.
        camera: K and the pose where the camera really is; its size must be known.
        head: Where projector and second camera are.
        light: Of this scan.
        antialias: Take four rays instead of one for the radiance of pixels on edges.
        shut_off: Find what the part shuts off of the hall's light; else all of it counts as open.
        step: Of the grid on which that is found, pixels; `sky_step` of the camera by default.

    Surroundings that no depth map has are shaded on every second row and column and interpolated between, where the
    step is even, so that a piece of an image whose corner is a multiple of it has the same pixels as the whole.
    """
    assert camera.size is not None
    light = light or Light()
    width, height = camera.size
    step = sky_step(camera) if step is None else step
    openness = _openness(stage, camera, step) if shut_off else np.ones((height, width), np.float32)
    shader = _Shader(stage, camera, head, light)
    sparse = stage.around is not None and not stage.around.measured and step % SPARSE == 0
    beyond = (
        (-(height - 1) % SPARSE, -(width - 1) % SPARSE) if sparse else (0, 0)
    )  # to the next pixel that is shaded
    result = _nothing(np.pad(openness, [(0, beyond[0]), (0, beyond[1])], mode="edge"))
    bottom, right = result.z.shape
    ends = stage.caster.view(replace(camera, size=(right, bottom)))
    rows = max(1, BAND_PIXELS // right)
    for top in range(0, bottom, rows):
        v, u = np.mgrid[top : min(top + rows, bottom), 0:right].reshape(2, -1)
        shader.fill(result, u, v, ends=ends[top * right : (top + rows) * right], sparse=sparse)
    if sparse:
        loose = np.isfinite(result.z) & ~result.part
        light_arrays = result.radiance, result.projected, result.gloss, result.projector_blocked
        u, v = kernels.interpolate_sparse(loose, SPARSE, *light_arrays)
        shader.fill(result, u, v, ends=ends[v * right + u])
    if any(beyond):
        result = _cut(result, height, width)
    if antialias:
        _smooth_edges(result, shader, pitch=1 / camera.K[0, 0])
    return result


def _nothing(openness: Array) -> Trace:
    """Of pixels that see nothing."""
    shape = openness.shape
    radiance, cosine, projected, gloss = np.zeros((4, *shape), np.float32)
    part, projector_blocked, second_blocked = np.zeros((3, *shape), bool)
    z = np.full(shape, np.inf, np.float32)
    return Trace(z, part, cosine, radiance, projected, projector_blocked, second_blocked, openness, gloss)


def _cut(seen: Trace, height: int, width: int) -> Trace:
    """Its first rows and columns."""
    arrays = (getattr(seen, field.name) for field in fields(seen))
    return Trace(*(np.ascontiguousarray(array[:height, :width]) for array in arrays))


@dataclass(frozen=True)
class _Shader:
    stage: Stage
    camera: Camera
    head: Head
    light: Light

    def fill(
        self, result: Trace, u: Array, v: Array, *, ends: Ends | None = None, sparse: bool = False
    ) -> None:
        """Traces pixels and writes them into the result; if `sparse`, unmeasured ones off the grid get no light."""
        hit, hits, points, seen, cosine = self.surface(u, v, ends)
        u, v = u[hit], v[hit]
        at = v * result.z.shape[1] + u
        result.z.reshape(-1)[at] = hits.t
        result.part.reshape(-1)[at] = self.stage.is_part(hits.face)
        result.cosine.reshape(-1)[at] = cosine
        if sparse:
            shaded = self.stage.is_measured(hits.face) | ((u % SPARSE == 0) & (v % SPARSE == 0))
            chosen = np.flatnonzero(shaded)
            hits, points, seen, at = _chosen(hits, chosen), points[chosen], seen[chosen], at[chosen]
        blocked = self.blocked(hits, points, self.head.projector)
        second_blocked = np.zeros(len(at), bool)
        asked = np.flatnonzero(self.stage.is_measured(hits.face) & ~blocked)
        place = self.in_world(self.head.second_camera)
        second_blocked[asked] = self.stage.caster.blocked(points[asked], place, flat=hits.flat[asked])
        radiance, projected, gloss = self.shade(hits, points, seen, blocked, result.openness.reshape(-1)[at])
        kernels.put(
            at,
            result.radiance.reshape(-1),
            result.projected.reshape(-1),
            result.gloss.reshape(-1),
            result.projector_blocked.reshape(-1),
            result.second_blocked.reshape(-1),
            radiance,
            projected,
            gloss,
            blocked,
            second_blocked,
        )

    def radiance(self, u: Array, v: Array, openness: Array) -> Array:
        """(M,) radiance at fractional pixels."""
        hit, hits, points, seen, _ = self.surface(u, v)
        blocked = self.blocked(hits, points, self.head.projector)
        result = np.zeros(len(u), np.float32)
        result[hit] = self.shade(hits, points, seen, blocked, openness[hit])[0]
        return result

    def surface(
        self, u: Array, v: Array, ends: Ends | None = None
    ) -> tuple[Array, Hits, Array, Array, Array]:
        """What pixels show, whose rays' ends may be known: which of them show anything; and of those the hits, (N, 3)
        places, (N, 3) ways back and (N,) cosines of the incidence."""
        directions, caster = self.directions(u, v), self.stage.caster
        hits = caster.cast(self.camera.centre, directions) if ends is None else caster.hits(ends, directions)
        hit = np.flatnonzero(hits.face >= 0)
        hits, directions = _chosen(hits, hit), directions[hit]
        points, seen, cosine = kernels.ends(self.camera.centre, directions, hits.t, hits.normals)
        return hit, hits, points, seen, cosine

    def blocked(self, hits: Hits, points: Array, place: Array) -> Array:
        """(N,) bool: what something stands before, as a place of the camera frame sees it."""
        return self.stage.caster.blocked(points, self.in_world(place), flat=hits.flat)

    def directions(self, u: Array, v: Array) -> Array:
        """(M, 3) ray directions in the world, of length 1 along the optical axis."""
        rotation = np.ascontiguousarray(self.camera.T_world_to_camera[:3, :3])
        return kernels.directions_of(u, v, self.camera.K, rotation)

    def in_world(self, place: Array) -> Array:
        """(3,) a place of the camera frame, in the world."""
        pose = self.camera.T_camera_to_world
        moved: Array = pose[:3, :3] @ place + pose[:3, 3]
        return moved

    def shade(
        self, hits: Hits, points: Array, seen: Array, blocked: Array, openness: Array
    ) -> tuple[Array, Array, Array]:
        """Radiance, the projector's share of it, and the gloss; each (M,)."""
        footprint = self.head.distance / self.camera.K[0, 0]
        surface = self.stage.surface(hits, points, footprint=footprint)
        turn = self.light.turn
        kernels.face_camera(surface.normals, seen)
        return kernels.shade(
            points,
            seen,
            surface.normals,
            surface.albedo,
            surface.f0,
            surface.roughness,
            blocked,
            openness,
            sky_irradiance(surface.normals, turn=turn),
            self.in_world(self.head.projector),
            self.light.projector,
            self.head.distance,
            self.light.sky,
            lamps(turn),
        )


def sky_step(camera: Camera) -> int:
    """Pixels between those at which the share of the hall's light is found; it has no sharp shadows."""
    assert camera.size is not None
    return max(1, camera.size[0] // SKY_GRID)


def _openness(stage: Stage, camera: Camera, step: int) -> Array:
    """(H, W) how much of the hall each pixel's surface sees; found at every `step`-th pixel."""
    assert camera.size is not None
    width, height = camera.size
    columns, rows = -(-width // step), -(-height // step)
    v, u = (np.mgrid[0:rows, 0:columns].reshape(2, -1) + 0.5) * step - 0.5
    shader = _Shader(stage, camera, Head.for_distance(1.0), Light())
    hit, hits, points, _, _ = shader.surface(u, v)
    sky = sky_directions()
    power = sky_radiance(sky, blur=0.5)
    open_light, all_light = np.zeros(len(hit)), np.full(len(hit), 1e-6)
    for direction, strength in zip(sky, power, strict=True):
        cosine = hits.flat @ direction
        facing = np.flatnonzero(cosine > 0)
        far = points[facing] + 1e4 * direction
        free = ~stage.caster.blocked(points[facing], far, flat=hits.flat[facing])
        all_light[facing] += strength * cosine[facing]
        open_light[facing] += strength * cosine[facing] * free
    value, weight = np.zeros(rows * columns, np.float32), np.full(rows * columns, 1e-4, np.float32)
    value[hit], weight[hit] = open_light / all_light, 1.0
    sigma = (0, 0), 0.8
    value = cv2.GaussianBlur((value * weight).reshape(rows, columns), *sigma)
    value /= cv2.GaussianBlur(weight.reshape(rows, columns), *sigma)
    size = (columns * step, rows * step)
    full = cv2.resize(np.clip(value, 0, 1), size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(full[:height, :width])


def _smooth_edges(result: Trace, shader: _Shader, *, pitch: float) -> None:
    v, u = np.nonzero(edges(result.z, result.cosine, step=EDGE_STEP * pitch))
    for start in range(0, len(u), BAND_PIXELS):
        some_u, some_v = u[start : start + BAND_PIXELS], v[start : start + BAND_PIXELS]
        openness = result.openness[some_v, some_u]
        rays = [shader.radiance(some_u + du, some_v + dv, openness) for du, dv in SUBPIXELS]
        result.radiance[some_v, some_u] = np.mean(rays, axis=0)


def edges(z: Array, cosine: Array, *, step: float) -> Array:
    """(H, W) bool: pixels beside a jump of the depth by more than `step` of it, or of the incidence.

    What is allowed is `step` over the cosine of the steeper side, so that a steep surface has no jump; with a `cosine`
    of 1 throughout no slope is allowed for, and a surface steeper than `step` has jumps all over.
    """
    return kernels.jumps(z.astype(np.float32), cosine.astype(np.float32), step, EDGE_COSINE)


def _chosen(hits: Hits, index: Array) -> Hits:
    if len(index) == len(hits.t):
        return hits
    return replace(
        hits, t=hits.t[index], face=hits.face[index], normals=hits.normals[index], flat=hits.flat[index]
    )
