"""Stains and wrong roughness: what only an image shows. The mesh is left untouched."""

from __future__ import annotations

import numpy as np

from benchmarks.cadscan.defects.blows import Avoid
from benchmarks.cadscan.defects.changes import patched_points
from benchmarks.cadscan.defects.places import Place, Surface, place_on_surface
from benchmarks.cadscan.part import Array, Defect, DefectivePart, Part, ReflectancePatch

_CORE = 0.28  # reach of a patch around its path, in sizes


def stain(part: Part, *, size: float, rng: np.random.Generator, avoid: Avoid = ()) -> DefectivePart:
    """A blot, `size` mm across: oil or rust, darker, or now and then brighter than the surface."""
    surface = Surface(part)
    place = place_on_surface(surface, size / 2, rng=rng, avoid=avoid)
    factor = float(rng.uniform(0.35, 0.75)) if rng.random() < 0.8 else float(rng.uniform(1.3, 1.6))
    patch = ReflectancePatch(
        "stain",
        _blot(surface, place, size, rng),
        radius=0.6 * _CORE * size,
        softness=0.4 * _CORE * size,
        albedo_factor=factor,
        roughness_offset=float(rng.uniform(-0.1, 0.1)),
        seed=int(rng.integers(1 << 31)),
    )
    return _marked(surface, place, size, patch)


def roughness(part: Part, *, size: float, rng: np.random.Generator, avoid: Avoid = ()) -> DefectivePart:
    """A place, `size` mm across, rougher or smoother than its surroundings and of the same colour."""
    surface = Surface(part)
    place = place_on_surface(surface, size / 2, rng=rng, avoid=avoid)
    patch = ReflectancePatch(
        "roughness",
        _blot(surface, place, size, rng),
        radius=0.7 * _CORE * size,
        softness=0.3 * _CORE * size,
        albedo_factor=1.0,
        roughness_offset=float(rng.choice([-1, 1]) * rng.uniform(0.12, 0.3)),
        seed=int(rng.integers(1 << 31)),
    )
    return _marked(surface, place, size, patch)


def _blot(surface: Surface, place: Place, size: float, rng: np.random.Generator) -> Array:
    """(9, 3) a path on the surface, out and back to several lobes; with the patch around it `size` mm long."""
    angles = rng.uniform(0, 2 * np.pi) + np.array([0.0, np.pi, 1.7, 4.4]) + rng.uniform(-0.4, 0.4, 4)
    reach = (0.5 * size - _CORE * size) * np.array([1.0, 1.0, *rng.uniform(0.3, 1.0, 2)])
    lobes = reach[:, None] * (
        np.cos(angles)[:, None] * place.tangent + np.sin(angles)[:, None] * place.binormal
    )
    points = np.concatenate([[np.zeros(3), lobe] for lobe in lobes] + [[np.zeros(3)]])
    return surface.nearest(place.centre + points)[0]


def _marked(surface: Surface, place: Place, size: float, patch: ReflectancePatch) -> DefectivePart:
    points = patched_points(surface, patch)
    defect = Defect(patch.kind, place.centre, size, 0.0, "image", points)
    return DefectivePart(surface.part, (patch,), (defect,))
