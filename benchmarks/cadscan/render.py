"""Ray casting: what a camera's rays hit, and what a lamp or a second camera cannot see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import open3d as o3d

from benchmarks.cadscan.normals import face_normals, shading_normals
from benchmarks.cadscan.vectors import lengths

Array = npt.NDArray[Any]

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
        tilt: (F, 3, 3) what is added to the normals of the faces' corners, or None.
    """

    def __init__(self, vertices: Array, faces: Array, *, tilt: Array | None = None) -> None:
        self.faces = np.ascontiguousarray(faces, dtype=np.int32)
        self._flat = face_normals(vertices, self.faces).astype(np.float32)
        self._corners = shading_normals(vertices, self.faces, tilt).astype(np.float32)
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
        normals /= np.maximum(lengths(normals), 1e-9)[:, None]
        flat = self._flat[face]
        behind = np.einsum("ij,ij->i", flat, np.asarray(directions, dtype=np.float32)) > 0
        flat[behind] *= -1
        normals[behind] *= -1
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
        lifted = points + LIFT * flat
        way = targets - lifted
        blocked: Array = np.einsum("ij,ij->i", way, flat) <= 0
        facing = np.flatnonzero(~blocked)
        if len(facing):
            rays = _rays(lifted, way) if len(facing) == len(way) else _rays(lifted[facing], way[facing])
            blocked[facing] = self._scene.test_occlusions(rays, tnear=0.0, tfar=1.0, nthreads=1).numpy()
        return blocked


def _rays(origins: Array, directions: Array) -> Any:
    rays = np.empty((len(directions), 6), dtype=np.float32)
    rays[:, :3] = origins
    rays[:, 3:] = directions
    return o3d.core.Tensor.from_numpy(rays)
