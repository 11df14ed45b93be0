"""Ray casting: what a camera's rays hit, and what a lamp or a second camera cannot see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import open3d as o3d

Array = npt.NDArray[Any]

CREASE_DEGREES = 32.0
LIFT = 2e-3


@dataclass(frozen=True)
class Hits:
    """Where M rays end.

    Attributes:
        t: (M,) float32 ray parameter, inf for a miss; planar z where the directions have z = 1 in the camera
            frame.
        face: (M,) int32, -1 for a miss.
        normals: (M, 3) float32 smooth normals, unit, on the side of the ray's origin.
        flat: (M, 3) float32 normals of the triangles.
    """

    t: Array
    face: Array
    normals: Array
    flat: Array


class Caster:
    """A triangle mesh that rays can be cast at, on one thread.

    Args:
        vertices: (V, 3) mm.
        faces: (F, 3), outward by the right hand.
    """

    def __init__(self, vertices: Array, faces: Array) -> None:
        self.faces = np.ascontiguousarray(faces, dtype=np.int32)
        self._flat = face_normals(vertices, self.faces).astype(np.float32)
        self._corners = corner_normals(vertices, self.faces).astype(np.float32)
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        self._scene.add_triangles(
            o3d.core.Tensor.from_numpy(np.ascontiguousarray(vertices, dtype=np.float32)),
            o3d.core.Tensor.from_numpy(self.faces.astype(np.uint32)),
        )

    def cast(self, origins: Array, directions: Array) -> Hits:
        """Casts rays.

        Args:
            origins: (3,) or (M, 3).
            directions: (M, 3), of any length.
        """
        answer = self._scene.cast_rays(_rays(origins, directions), nthreads=1)
        t = answer["t_hit"].numpy()
        missed = ~np.isfinite(t)
        face = answer["primitive_ids"].numpy().astype(np.int64)
        face[missed] = 0
        uv = answer["primitive_uvs"].numpy()
        corners = self._corners[face]
        weights = np.stack([1 - uv[:, 0] - uv[:, 1], uv[:, 0], uv[:, 1]], axis=1)
        normals = np.einsum("ij,ijk->ik", weights, corners)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        flat = self._flat[face]
        behind = np.einsum("ij,ij->i", flat, np.asarray(directions, dtype=np.float32)) > 0
        flat = np.where(behind[:, None], -flat, flat)
        normals = np.where(behind[:, None], -normals, normals)
        face[missed] = -1
        return Hits(t, face.astype(np.int32), normals, flat)

    def blocked(self, points: Array, targets: Array, *, flat: Array) -> Array:
        """Which points something stands between and their targets.

        Args:
            points: (M, 3) on the surface.
            targets: (3,) or (M, 3).
            flat: (M, 3) normals of the triangles, on the visible side; a target behind the surface is
                blocked.

        Returns:
            (M,) bool.
        """
        if not len(points):
            return np.zeros(0, dtype=bool)
        lifted = points + LIFT * flat
        way = targets - lifted
        answer = self._scene.test_occlusions(_rays(lifted, way), tnear=0.0, tfar=1.0, nthreads=1).numpy()
        blocked: Array = answer | (np.einsum("ij,ij->i", way, flat) <= 0)
        return blocked


def face_normals(vertices: Array, faces: Array) -> Array:
    """(F, 3) unit normals; (0, 0, 0) for a face without area."""
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))


def corner_normals(vertices: Array, faces: Array, *, crease_degrees: float = CREASE_DEGREES) -> Array:
    """Normals of the faces' corners: smooth over curved surfaces, sharp across creases.

    A corner's normal is the mean, weighted by the angle, of the faces around its vertex whose normals are
    within the crease angle of its own face.

    Returns:
        (F, 3, 3) unit normals.
    """
    flat = face_normals(vertices, faces)
    welded = _weld(vertices)[faces].ravel()
    angle = _corner_angles(vertices, faces).ravel()
    order = np.argsort(welded, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(welded[order]) > 0])
    valence = np.diff(np.r_[starts, len(order)])
    group = np.repeat(np.arange(len(starts)), valence)
    face_of = order // 3
    total = np.zeros((len(order), 3))
    limit = np.cos(np.radians(crease_degrees))
    for step in range(int(valence.max())):
        taking = np.flatnonzero(valence[group] > step)
        other = order[starts[group[taking]] + step]
        near = np.einsum("ij,ij->i", flat[face_of[taking]], flat[other // 3]) >= limit
        taking, other = taking[near], other[near]
        total[taking] += flat[other // 3] * angle[other, None]
    length = np.linalg.norm(total, axis=1, keepdims=True)
    smooth = np.where(length > 1e-9, total / np.maximum(length, 1e-9), flat[face_of])
    result = np.empty((len(order), 3))
    result[order] = smooth
    return result.reshape(-1, 3, 3)


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
        angles[:, i] = np.arctan2(np.linalg.norm(np.cross(a, b), axis=1), np.einsum("ij,ij->i", a, b))
    return angles


def _rays(origins: Array, directions: Array) -> Any:
    rays = np.empty((len(directions), 6), dtype=np.float32)
    rays[:, :3] = origins
    rays[:, 3:] = directions
    return o3d.core.Tensor.from_numpy(rays)
