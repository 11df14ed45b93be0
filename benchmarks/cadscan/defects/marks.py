"""Stains and wrong roughness: what only an image shows. The mesh is left untouched."""

from __future__ import annotations

import numpy as np

from benchmarks.cadscan.defects.blows import Avoid
from benchmarks.cadscan.defects.changes import patched_points
from benchmarks.cadscan.defects.places import Place, Surface, place_on_surface
from benchmarks.cadscan.part import Array, Defect, DefectivePart, Part, ReflectancePatch


def stain(part: Part, *, size: float, rng: np.random.Generator, avoid: Avoid = ()) -> DefectivePart:
    """A blot, `size` mm across: oil or rust, darker, or now and then brighter than the surface."""
    surface = Surface(part)
    place = place_on_surface(surface, size / 2, rng=rng, avoid=avoid)
    factor = float(rng.uniform(0.35, 0.75)) if rng.random() < 0.8 else float(rng.uniform(1.3, 1.6))
    patch = ReflectancePatch(
        "stain",
        _blot(surface, place, size, rng),
        radius=0.2 * size,
        softness=0.1 * size,
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
        radius=0.22 * size,
        softness=0.08 * size,
        albedo_factor=1.0,
        roughness_offset=float(rng.choice([-1, 1]) * rng.uniform(0.12, 0.3)),
        seed=int(rng.integers(1 << 31)),
    )
    return _marked(surface, place, size, patch)


def _blot(surface: Surface, place: Place, size: float, rng: np.random.Generator) -> Array:
    """(4, 3) a short path on the surface; with the patch's radius around it, `size` mm long."""
    reach = 0.2 * size
    steps = np.array([-1.0, -0.3, 0.4, 1.0]) * reach
    aside = rng.uniform(-0.5, 0.5, 4) * reach * np.array([0.3, 1.0, 1.0, 0.3])
    points = place.centre + steps[:, None] * place.tangent + aside[:, None] * place.binormal
    return surface.nearest(points)[0]


def _marked(surface: Surface, place: Place, size: float, patch: ReflectancePatch) -> DefectivePart:
    points = patched_points(surface, patch)
    defect = Defect(patch.kind, place.centre, size, 0.0, "image", points)
    return DefectivePart(surface.part, (patch,), (defect,))
