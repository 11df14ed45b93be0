"""Surface finish: a solid texture fixed to the part, another draw for every instance, and marks upon it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.cadscan import kernels
from benchmarks.cadscan.kernels import CELLS
from benchmarks.cadscan.materials import Flow, Material
from benchmarks.cadscan.noise import LatticeNoise
from benchmarks.cadscan.part import Part, ReflectancePatch
from benchmarks.cadscan.vectors import lengths

Array = npt.NDArray[Any]

ROUGHNESS_RANGE = (0.12, 1.0)
ALBEDO_RANGE = (0.005, 0.95)
PATCH_NOISE_CELL = 0.35
RIDGE_SPACING = 0.5
FLOWS: dict[Flow, int] = {"even": kernels.EVEN, "brushed": kernels.BRUSHED, "turned": kernels.TURNED}
NO_VALUES = np.zeros((1, 4), np.float32)


@dataclass(frozen=True)
class SurfaceSample:
    """The surface at M points.

    Attributes:
        albedo: (M,) diffuse albedo.
        f0: (M,) specular reflectance at normal incidence.
        roughness: (M,) GGX roughness, 0 to 1.
        normals: (M, 3) unit normals with the texture's tilt, part frame.
    """

    albedo: Array
    f0: Array
    roughness: Array
    normals: Array


class Finish:
    """The finish of one instance of a part: a function of 3D points in the part frame.

    Args:
        materials: One a body; body b of the part has `materials[b]`.
        seed: The instance. None: no texture at all, the plain material.
        patches: Places that reflect otherwise, harmless or not.
    """

    def __init__(
        self, materials: Sequence[Material], seed: int | None, *, patches: Sequence[ReflectancePatch] = ()
    ) -> None:
        self.materials = tuple(materials)
        self.patches = tuple(patches)
        self._noise = None if seed is None else LatticeNoise(seed)
        rng = np.random.default_rng(seed)
        spread = 0.0 if seed is None else 1.0
        count = len(self.materials)
        self._albedo_scale = np.exp(spread * rng.normal(0, 0.04, count)).astype(np.float32)
        self._roughness_shift = (spread * rng.normal(0, 0.015, count)).astype(np.float32)
        self._strength = np.exp(spread * rng.normal(0, 0.25, count)).astype(np.float32)
        self._offsets = rng.uniform(0, CELLS, (count, 8, 3)).astype(np.float32)
        self._rotation = _random_rotation(rng).astype(np.float32)
        self._lay = float(rng.normal(0, np.radians(4)))

    def sample(self, points: Array, normals: Array, body: Array, *, footprint: float) -> SurfaceSample:
        """Evaluates the finish.

        Args:
            points: (M, 3) part frame, mm.
            normals: (M, 3) unit normals of the geometry.
            body: (M,) index into the materials.
            footprint: Size of a pixel on the surface, mm. Texture finer than it is averaged away: its tilt
                becomes roughness, as for a camera that cannot resolve it.
        """
        points, normals = np.asarray(points, dtype=np.float32), np.asarray(normals, dtype=np.float32)
        plain, first, flows, layers = self._layers(footprint)
        values = NO_VALUES if self._noise is None else self._noise.values
        lay = np.float32(np.cos(self._lay)), np.float32(np.sin(self._lay))
        albedo, f0, roughness, normals = kernels.texture(
            points, normals, body, plain, first, flows, layers, values, self._rotation, lay
        )
        for patch in self.patches:
            near, weight = patch_weight(patch, points)
            albedo[near] *= 1 + weight * np.float32(patch.albedo_factor - 1)
            f0[near] *= 1 + weight * np.float32(patch.albedo_factor - 1)
            roughness[near] += weight * np.float32(patch.roughness_offset)
        return SurfaceSample(
            np.clip(albedo, *ALBEDO_RANGE),
            np.clip(f0, 0.01, 0.95),
            np.clip(roughness, *ROUGHNESS_RANGE),
            normals,
        )

    def _layers(self, footprint: float) -> tuple[Array, Array, Array, Array]:
        """The materials and those of their layers that a camera resolves, as `kernels.texture` takes them."""
        plain, first, flows, layers = [], [0], [], []
        for body, material in enumerate(self.materials):
            scale, strength = self._albedo_scale[body], float(self._strength[body])
            roughness = material.roughness + float(self._roughness_shift[body])
            for index, layer in enumerate(material.layers if self._noise is not None else ()):
                seen = float(np.clip(1.5 * layer.across / footprint - 0.5, 0, 1))
                roughness += 0.5 * (1 - seen) * strength * layer.tilt
                if seen > 0:
                    amplitudes = np.array([layer.albedo, layer.roughness, layer.tilt]) * seen * strength
                    flows.append(FLOWS[layer.flow])
                    layers.append([layer.across, layer.along, *amplitudes, *self._offsets[body, index]])
            plain.append((material.albedo * scale, material.f0 * scale, roughness))
            first.append(len(flows))
        return (
            np.array(plain, np.float32),
            np.array(first, np.int64),
            np.array(flows, np.int64),
            np.array(layers, np.float32).reshape(-1, 8),
        )


def patch_weight(patch: ReflectancePatch, points: Array) -> tuple[Array, Array]:
    """Where a patch changes the surface, and how much.

    Args:
        patch: The patch.
        points: (M, 3) part frame, mm.

    Returns:
        (N,) indices of the points within reach, and (N,) float32 weights in [0, 1].
    """
    path = np.asarray(patch.path, dtype=np.float32).reshape(-1, 3)
    reach = patch.radius + patch.softness
    near = kernels.places_within(points, path.min(axis=0) - reach, path.max(axis=0) + reach)
    if not len(near):
        return near, np.zeros(0, dtype=np.float32)
    distance = distance_to_path(points[near], path)
    weight = np.clip((reach - distance) / max(patch.softness, 1e-6), 0, 1)
    weight = weight * weight * (3 - 2 * weight)
    if patch.kind == "fingerprint":
        weight = weight * _ridges(patch, points[near])
    elif patch.kind != "dust":
        noise = LatticeNoise(patch.seed, channels=1)
        cell = max(PATCH_NOISE_CELL * patch.radius, 0.2)
        weight = weight * (0.8 + 0.2 * noise(points[near] / cell)[:, 0])
    reached = weight > 0
    return near[reached], weight[reached].astype(np.float32)


def distance_to_path(points: Array, path: Array) -> Array:
    """(M,) distance of points to a polyline (K, 3), mm; K may be 1."""
    if len(path) == 1:
        return lengths(points - path[0])
    nearest = np.full(len(points), np.inf, dtype=points.dtype)
    for start, end in pairwise(path):
        along = end - start
        position = np.clip((points - start) @ along / max(float(along @ along), 1e-12), 0, 1)
        nearest = np.minimum(nearest, lengths(points - start - position[:, None] * along))
    return nearest


def harmless_marks(part: Part, rng: np.random.Generator) -> tuple[ReflectancePatch, ...]:
    """Dust and, on half of the instances, a fingerprint: variation that is no defect."""
    specks, prints = int(rng.integers(4, 13)), int(rng.random() < 0.5)
    places = _surface_points(part, specks + prints, rng)
    marks = [
        ReflectancePatch(
            "dust",
            path=place[None],
            radius=float(rng.uniform(0.08, 0.3)),
            softness=0.1,
            albedo_factor=float(rng.choice([0.4, 1.8])),
            roughness_offset=0.3,
            seed=0,
        )
        for place in places[:specks]
    ]
    marks += [
        ReflectancePatch(
            "fingerprint",
            path=place[None],
            radius=float(rng.uniform(4, 7)),
            softness=3.0,
            albedo_factor=float(rng.uniform(0.86, 0.95)),
            roughness_offset=float(rng.uniform(0.03, 0.08)),
            seed=int(rng.integers(1 << 31)),
        )
        for place in places[specks:]
    ]
    return tuple(marks)


def _ridges(patch: ReflectancePatch, points: Array) -> Array:
    noise = LatticeNoise(patch.seed, channels=1)
    middle = np.asarray(patch.path, dtype=np.float32).reshape(-1, 3)[0]
    bent = lengths(points - middle - 0.6 * patch.radius) + 1.2 * noise(points / 4)[:, 0]
    stripes = 0.5 + 0.5 * np.sin(2 * np.pi * bent / RIDGE_SPACING)
    pressed = np.clip(0.7 + 0.6 * noise(points / 2.5 + 20)[:, 0], 0, 1)
    ridges: Array = stripes * pressed
    return ridges


def _surface_points(part: Part, count: int, rng: np.random.Generator) -> Array:
    """(count, 3) points drawn evenly over the faces that do not look down."""
    corners = part.vertices[part.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normals, axis=1)
    area = np.where(normals[:, 2] > -0.1 * area, area, 0)
    chosen = corners[rng.choice(len(area), count, p=area / area.sum())]
    weights = rng.dirichlet([1, 1, 1], count)
    points: Array = np.einsum("ij,ijk->ik", weights, chosen)
    return points


def _random_rotation(rng: np.random.Generator) -> Array:
    rotation, upper = np.linalg.qr(rng.standard_normal((3, 3)))
    rotation = rotation * np.sign(np.diag(upper))
    return np.asarray(rotation * np.sign(np.linalg.det(rotation)))
