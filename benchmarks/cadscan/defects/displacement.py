"""Refining a part near a place and moving its surface there by an analytic field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from benchmarks.cadscan.defects.places import DefectError, Place
from benchmarks.cadscan.meshing import MeshError, refine
from benchmarks.cadscan.normals import face_normals, shaded_as_before
from benchmarks.cadscan.part import Array, Part
from benchmarks.cadscan.vectors import lengths

_FACING = 0.25  # cosine; surface turned further away from a blow is not reached by it

Field = Callable[[Array], Array]


def refined(part: Part, *, path: Array, reach: float, edge: float) -> Part:
    """The same surface with edges of at most `edge` mm within `reach` mm of a path.

    Raises:
        DefectError: The mesh would have too many faces.
    """
    try:
        vertices, faces, origin = refine(part.vertices, part.faces, path=path, reach=reach, edge=edge)
    except MeshError as error:
        raise DefectError(f"{part.category} cannot be meshed finely enough: {error}") from None
    fine = replace(part, vertices=vertices, faces=faces, body=part.body[origin], tilt=None)
    return shaded_as_before(part, fine, origin)


def displaced(part: Part, *, place: Place, path: Array, reach: float, field: Field) -> tuple[Part, Array]:
    """The part with the surface at a place moved along the place's normal.

    Only surface that hangs together with the place within `reach` and faces as it does is moved: not the other
    side of a thin wall, and not a neighbouring tooth.

    Args:
        part: Refined near the path.
        place: Where.
        path: (P, 3) mm, the places around which the field acts.
        reach: mm.
        field: From (N, 3) points to (N,) mm, positive outward.

    Returns:
        The part and (V,) mm that each vertex moved.
    """
    chosen = _facing_patch(part, place, path, reach)
    amount = np.zeros(len(part.vertices))
    amount[chosen] = field(part.vertices[chosen])
    moved = part.vertices + amount[:, None] * place.normal
    return replace(part, vertices=moved), np.abs(amount)


def displaced_along(
    part: Part, *, path: Array, reach: float, field: Callable[[Array], Array]
) -> tuple[Part, Array]:
    """The part with everything within `reach` of a path moved by a field of (N, 3) vectors, mm."""
    near = _within(part.vertices, path, reach)
    change = np.zeros_like(part.vertices)
    change[near] = field(part.vertices[near])
    return replace(part, vertices=part.vertices + change), lengths(change)


def _facing_patch(part: Part, place: Place, path: Array, reach: float) -> Array:
    """Indices of the vertices of the connected surface at the place."""
    normals = face_normals(part.vertices, part.faces)
    near = np.zeros(len(part.vertices), bool)
    near[_within(part.vertices, path, reach)] = True
    usable = near[part.faces].any(axis=1) & (normals @ place.normal > _FACING) & (part.body == place.body)
    faces = part.faces[usable]
    if not len(faces):
        return np.zeros(0, int)
    used, index = np.unique(faces, return_inverse=True)
    local = index.reshape(-1, 3)
    pairs = local[:, [[0, 1], [1, 2]]].reshape(-1, 2)
    graph = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(len(used), len(used)))
    label = connected_components(graph, directed=False)[1]
    start = np.linalg.norm(part.vertices[used] - place.centre, axis=1).argmin()
    patch: Array = used[(label == label[start]) & near[used]]
    return patch


def _within(points: Array, path: Array, reach: float) -> Array:
    """Indices of the points within `reach` of a path."""
    box = (points >= path.min(axis=0) - reach).all(axis=1) & (points <= path.max(axis=0) + reach).all(axis=1)
    index = np.flatnonzero(box)
    near = np.zeros(len(index), bool)
    for point in path:
        near |= lengths(points[index] - point) < reach
    return index[near]
