"""Normals of meshes: of their faces, and those that smooth shading gives the corners of faces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.cadscan.part import Array, Part
from benchmarks.cadscan.vectors import cross, dot, lengths

CREASE_DEGREES = 32.0
_ROUNDING = 1e-6  # tilts below it are the order of a sum


def face_normals(vertices: Array, faces: Array) -> Array:
    """(F, 3) unit normals, 0 for a face without area."""
    a, b, c = vertices[faces[:, 0]], vertices[faces[:, 1]], vertices[faces[:, 2]]
    return _unit(cross(b - a, c - a))


def corner_normals(vertices: Array, faces: Array, *, crease_degrees: float = CREASE_DEGREES) -> Array:
    """Normals of the faces' corners: smooth over curved surfaces, sharp across creases.

    A corner's normal is the mean, weighted by the angle, of the faces around its vertex whose normals are
    within the crease angle of its own face.

    Returns:
        (F, 3, 3) unit normals.
    """
    flat = face_normals(vertices, faces)
    welded = _weld(vertices)[faces].ravel()
    order = np.argsort(welded, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(welded[order]) > 0])
    valence = np.diff(np.r_[starts, len(order)])
    group = np.repeat(np.arange(len(starts)), valence)
    normals = flat[order // 3]
    weighted = normals * _corner_angles(vertices, faces).ravel()[order, None]
    around = np.zeros((len(starts), 3))
    for taking, other in _around(starts, valence):
        around[taking] += weighted[other]
    total = around[group]
    # Faces within half the angle of their mean are within the angle of one another.
    close = np.cos(np.radians(crease_degrees / 2))
    bent = np.einsum("ij,ij->i", _unit(around)[group], normals) < close
    creased = np.flatnonzero(np.bincount(group, bent)[group] > 0)
    total[creased] = 0
    limit = np.cos(np.radians(crease_degrees))
    for taking, other in _around(starts[group[creased]], valence[group[creased]]):
        near = np.einsum("ij,ij->i", normals[creased[taking]], normals[other]) >= limit
        total[creased[taking[near]]] += weighted[other[near]]
    length = lengths(total)[:, None]
    smooth = np.where(length > 1e-9, total / np.maximum(length, 1e-9), normals)
    result = np.empty((len(order), 3))
    result[order] = smooth
    return result.reshape(-1, 3, 3)


def _around(starts: Array, valence: Array) -> Iterator[tuple[Array, Array]]:
    """The first members of groups, then the second ones, and so on: which groups still have one, and it."""
    many_first = np.argsort(-valence, kind="stable")
    at_most = np.cumsum(np.bincount(valence, minlength=1))
    for step in range(len(at_most) - 1):
        taking = many_first[: len(valence) - at_most[step]]
        yield taking, starts[taking] + step


def shading_normals(vertices: Array, faces: Array, tilt: Array | None) -> Array:
    """(F, 3, 3) unit normals that a mesh is shaded with: those of its corners, tilted where it says so."""
    normals = corner_normals(vertices, faces)
    if tilt is not None:
        tilted = tilt.any(axis=2)
        normals[tilted] = _unit(normals[tilted] + tilt[tilted])
    return normals


def shaded_as_before(before: Part, after: Part, origin: Array) -> Part:
    """The same surface cut into other faces, shaded as it was.

    A finer mesh of a round surface, or one with a hole in it, has corners in the middle of what was a face, where the
    mean of the faces around is another normal than the one between the old corners. The tilt from the one to the
    other goes with the face, wherever its corners are moved afterwards.

    Args:
        before: The part as it was.
        after: Its surface in other faces.
        origin: (F,) which old face each of them is a piece of, -1 for none.
    """
    pieces = np.flatnonzero(origin >= 0)
    old, corners = origin[pieces], after.vertices[after.faces[pieces]]
    weights = _barycentric(before.vertices[before.faces[old]], corners)
    wanted = _unit(weights @ shading_normals(before.vertices, before.faces, before.tilt)[old])
    tilt = np.zeros((len(after.faces), 3, 3), np.float32)
    tilt[pieces] = wanted - corner_normals(after.vertices, after.faces)[pieces]
    tilt[np.abs(tilt).max(axis=2) < _ROUNDING] = 0
    return replace(after, tilt=tilt if tilt.any() else None)


def _barycentric(triangles: Array, points: Array) -> Array:
    """(N, P, 3) weights of the corners of (N, 3, 3) triangles that give (N, P, 3) points in their planes."""
    first, second = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    normal = cross(first, second)
    double = np.maximum(dot(normal, normal), 1e-24)[:, None]
    offset = points - triangles[:, :1]
    along = dot(cross(offset, second[:, None]), normal[:, None]) / double
    across = dot(cross(first[:, None], offset), normal[:, None]) / double
    return np.stack([1 - along - across, along, across], axis=2)


def _unit(vectors: Array) -> Array:
    """The vectors at length 1, and 0 where they have none."""
    length = lengths(vectors)[..., None]
    unit: Array = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return unit


def _weld(vertices: Array) -> Array:
    """(V,) index of each vertex's place, the same for vertices within a hundredth of a micrometre or so."""
    keys = np.round(np.asarray(vertices, dtype=np.float64) * 1e5).astype(np.int64)
    order = np.lexsort(keys.T)
    changes = (np.diff(keys[order], axis=0) != 0).any(axis=1)
    index = np.empty(len(keys), dtype=np.int64)
    index[order] = np.r_[0, np.cumsum(changes)]
    return index


def _corner_angles(vertices: Array, faces: Array) -> Array:
    corners = vertices[faces]
    angles = np.empty(faces.shape)
    for i in range(3):
        a, b = corners[:, (i + 1) % 3] - corners[:, i], corners[:, (i + 2) % 3] - corners[:, i]
        angles[:, i] = np.arctan2(lengths(cross(a, b)), np.einsum("ij,ij->i", a, b))
    return angles
