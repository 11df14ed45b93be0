"""Ray casting: what a camera's rays hit, and what a lamp or a second camera cannot see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import open3d as o3d

from benchmarks.cadscan import kernels
from benchmarks.cadscan.normals import face_normals, shading_normals
from modmap.scan import Camera

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


@dataclass(frozen=True)
class Ends:
    """In which faces M rays end.

    Attributes:
        t: (M,) float32 as of `Hits`.
        face: (M,) numbers; what a miss has means nothing.
        uv: (M, 2) float32 weights of the faces' second and third corner.
    """

    t: Array
    face: Array
    uv: Array

    def __getitem__(self, some: slice | Array) -> Ends:
        return Ends(self.t[some], self.face[some], self.uv[some])


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
        self._vertices = np.ascontiguousarray(vertices, dtype=np.float32)
        self._scene.add_triangles(
            o3d.core.Tensor.from_numpy(self._vertices),
            o3d.core.Tensor.from_numpy(self.faces.astype(np.uint32)),
        )

    def cast(self, origins: Array, directions: Array) -> Hits:
        """Casts rays.

        Args:
            origins: (3,) or (M, 3).
            directions: (M, 3), of any length.
        """
        origins, directions = np.atleast_2d(origins), np.asarray(directions)
        answer = self._scene.cast_rays(_tensor(kernels.rays(origins, directions)), nthreads=1)
        names = "t_hit", "primitive_ids", "primitive_uvs"
        return self.hits(Ends(*(answer[name].numpy() for name in names)), directions)

    def view(self, camera: Camera) -> Ends:
        """What all pixels of a camera see first, row by row: to a part in a million what their rays hit, in less time.

        Args:
            camera: Its size must be known.
        """
        assert camera.size is not None
        return Ends(
            *kernels.first_hits(self._vertices, self.faces, camera.K, camera.T_world_to_camera, *camera.size)
        )

    def hits(self, ends: Ends, directions: Array) -> Hits:
        """The surface where rays of directions (M, 3) ended."""
        t, directions = ends.t, np.asarray(directions)
        return Hits(t, *kernels.normals_at(t, ends.face, ends.uv, directions, self._corners, self._flat))

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
        blocked, facing, rays = kernels.shadow_rays(points, np.atleast_2d(targets), flat, LIFT)
        if len(facing):
            answer = self._scene.test_occlusions(_tensor(rays), tnear=0.0, tfar=1.0, nthreads=1)
            blocked[facing] = answer.numpy()
        return blocked


def _tensor(rays: Array) -> Any:
    return o3d.core.Tensor.from_numpy(rays)
