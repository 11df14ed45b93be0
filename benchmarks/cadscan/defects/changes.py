"""The surface that a defect changed, as the samples that its record keeps."""

from __future__ import annotations

import numpy as np

from benchmarks.cadscan.defects.places import Surface
from benchmarks.cadscan.finish import patch_weight
from benchmarks.cadscan.ground_truth import voxel_size
from benchmarks.cadscan.meshing import surface_samples, thinned
from benchmarks.cadscan.normals import face_normals
from benchmarks.cadscan.part import Array, Part, ReflectancePatch

DISPLACED = 0.02  # mm; a surface that moved less has not changed
REFLECTS = 0.1  # a patch of less weight has not changed the surface


def spacing(part: Part) -> float:
    """Largest distance between neighbouring samples, mm: a third of a voxel."""
    return voxel_size(part) / 3


def moved_points(before: Surface, part: Part, displacement: Array, *, least: float = DISPLACED) -> Array:
    """(M, 3) samples of the surface that moved by more than `least` mm, as it is now.

    Surface that slid along itself (the side of a plate whose corner is bent) is where it was, and is left out.

    Args:
        before: The surface before the change.
        part: After the change.
        displacement: (V,) mm that each of its vertices moved.
        least: mm.
    """
    moved = (displacement[part.faces] > 0).any(axis=1)
    samples, _ = surface_samples(
        np.column_stack([part.vertices, displacement]), part.faces[moved], spacing(part)
    )
    kept = _kept(part, samples[samples[:, 3] > least, :3])
    return kept[before.distance(kept) > DISPLACED]


def patched_points(surface: Surface, patch: ReflectancePatch) -> Array:
    """(M, 3) samples of the surface that reflects otherwise, where any of twelve views from above sees it."""
    reach = patch.radius + patch.softness
    samples, normals = _samples(surface.part, patch.path, reach)
    near, weight = patch_weight(patch, samples)
    near = near[weight > REFLECTS]
    samples, normals = samples[near], normals[near]
    seen = surface.views(samples, normals, grazing=0.0) > 0
    return _kept(surface.part, samples[seen])


def exchanged_points(before: Surface, after: Surface, *, path: Array, reach: float) -> Array:
    """(M, 3) samples of the surface that came, and of that which went, near a path."""
    came, _ = _samples(after.part, path, reach)
    went, _ = _samples(before.part, path, reach)
    came = came[before.distance(came) > DISPLACED]
    went = went[after.distance(went) > DISPLACED]
    return _kept(before.part, np.concatenate([came, went]))


def _samples(part: Part, path: Array, reach: float) -> tuple[Array, Array]:
    """Points of the surface within `reach` of a path, and the normals there."""
    corners = part.vertices[part.faces]
    near = (corners.max(axis=1) >= path.min(axis=0) - reach).all(axis=1)
    near &= (corners.min(axis=1) <= path.max(axis=0) + reach).all(axis=1)
    if not near.any():
        return np.zeros((0, 3)), np.zeros((0, 3))
    faces = part.faces[near]
    samples, face = surface_samples(part.vertices, faces, spacing(part))
    close = ((samples >= path.min(axis=0) - reach) & (samples <= path.max(axis=0) + reach)).all(axis=1)
    return samples[close], face_normals(part.vertices, faces)[face[close]]


def _kept(part: Part, samples: Array) -> Array:
    """One sample in each cube of half a spacing; six such cubes fit along a voxel."""
    return thinned(samples, spacing(part) / 2)
