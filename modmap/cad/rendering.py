"""What a camera sees of a mesh: depth, and an image that is shaded by how the surface lies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from modmap.alignment.motion import dot, inverse, length
from modmap.alignment.surface import pixel_rays
from modmap.cad.mesh import Mesh, open3d
from modmap.camera import Camera
from modmap.scan import Frame
from modmap.types import Array

BACKGROUND, GRAZED, FACING = (
    0,
    40.0,
    220.0,
)  # gray levels: beside the part, and of surface seen from its side and front


def small_camera(camera: Camera, shape: tuple[int, int], *, longest: int) -> tuple[Camera, tuple[int, int]]:
    """A camera of (H, W) pixels for a picture of at most so many along the longer side, and its (H, W)."""
    height, width = shape
    scale = min(1.0, longest / max(height, width))
    small = max(1, round(height * scale)), max(1, round(width * scale))
    return replace(camera, size=(width, height)).resized(small[1], small[0]), small


class Renderer:
    """A mesh that is seen by cameras, wherever it is laid.

    Args:
        mesh: The part.

    Raises:
        ModMapError: open3d isn't installed.
    """

    def __init__(self, mesh: Mesh) -> None:
        package = open3d()
        self._tensor: Any = package.core.Tensor.from_numpy
        self._scene: Any = package.t.geometry.RaycastingScene()
        self._scene.add_triangles(
            self._tensor(np.ascontiguousarray(mesh.vertices, dtype=np.float32)),
            self._tensor(np.ascontiguousarray(mesh.faces, dtype=np.uint32)),
        )

    def seen(self, camera: Camera, shape: tuple[int, int], T_part_to_world: Array) -> tuple[Array, Array]:
        """What each pixel's ray meets first.

        Args:
            camera: With a lens, if it has one, as the rays go.
            shape: (H, W) of its image.
            T_part_to_world: (4, 4) where the part lies.

        Returns:
            (H, W) float32 planar depth, mm, 0 where the ray meets nothing, and (H, W) float32 cosine of incidence.
        """
        T_camera_to_part = inverse(T_part_to_world) @ camera.T_camera_to_world
        local = pixel_rays(camera, shape)
        directions = local @ T_camera_to_part[:3, :3].T.astype(np.float32)
        origins = np.broadcast_to(T_camera_to_part[:3, 3].astype(np.float32), directions.shape)
        rays = np.concatenate([origins, directions], axis=-1)
        answer = self._scene.cast_rays(self._tensor(np.ascontiguousarray(rays)))
        # A ray's direction has z = 1 in the camera's frame, so that what it has gone is planar depth.
        gone, normals = answer["t_hit"].numpy(), answer["primitive_normals"].numpy()
        hit = np.isfinite(gone)
        cosine = np.abs(dot(normals, directions)) / length(directions)
        return np.where(hit, gone, 0).astype(np.float32), np.where(hit, cosine, 0).astype(np.float32)

    def frame(self, view_id: str, camera: Camera, shape: tuple[int, int], T_part_to_world: Array) -> Frame:
        """A view of the part: depth as `seen`, and (H, W) uint8 gray levels, lighter where it faces the camera."""
        depth, cosine = self.seen(camera, shape, T_part_to_world)
        level = np.where(depth > 0, GRAZED + (FACING - GRAZED) * cosine, BACKGROUND)
        return Frame(view_id, np.rint(level).astype(np.uint8), depth, camera)
