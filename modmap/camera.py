"""Camera: a calibrated pinhole camera, OpenCV style (x right, y down, z forward; millimetres).

The centre of the top left pixel is (0, 0).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from modmap.errors import ModMapError
from modmap.types import Array

ROTATION_TOLERANCE = 1e-3
DISTORTION_LENGTHS = (4, 5, 8, 12, 14)
UNDISTORTION_CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-10)
WIDEST_RAY = 10.0  # tangent of 84 degrees off the optical axis


@dataclass(frozen=True, eq=False)
class Camera:
    """A calibrated pinhole camera.

    Args:
        K: (3, 3) intrinsics in pixels of the full image.
        T_world_to_camera: (4, 4) rigid transform, millimetres.
        size: (width, height) of the image that `K` belongs to; None where the calibration does not say.
        distortion: OpenCV coefficients (k1, k2, p1, p2[, k3 ...]), or None for an undistorted image.

    Raises:
        ModMapError: a matrix has the wrong shape, is not finite, or its rotation part is not a rotation; the size isn't
            positive.
    """

    K: Array
    T_world_to_camera: Array
    size: tuple[int, int] | None = None
    distortion: Array | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "K", _matrix("K", self.K, shape=(3, 3)))
        if self.size is not None and min(self.size) < 1:
            raise ModMapError(f"size: expected a width and a height of 1 and more, found {self.size}")
        pose = _matrix("T_world_to_camera", self.T_world_to_camera, shape=(4, 4))
        object.__setattr__(self, "T_world_to_camera", pose)
        _check_intrinsics(self.K)
        _check_rigid("T_world_to_camera", pose)
        if self.distortion is not None:
            coefficients = np.asarray(self.distortion, dtype=np.float64).ravel()
            if len(coefficients) not in DISTORTION_LENGTHS or not np.isfinite(coefficients).all():
                raise ModMapError(
                    f"distortion: expected {', '.join(map(str, DISTORTION_LENGTHS))} finite OpenCV "
                    f"coefficients, found {coefficients.tolist()}"
                )
            object.__setattr__(self, "distortion", coefficients if coefficients.any() else None)
        if self.distortion is not None and self.K[0, 1] != 0:
            raise ModMapError(
                f"K: expected no skew beside a distortion (OpenCV's model has none), found {self.K[0, 1]:g}"
            )

    @classmethod
    def from_camera_to_world(
        cls,
        K: Array,
        T_camera_to_world: Array,
        *,
        size: tuple[int, int] | None = None,
        distortion: Array | None = None,
    ) -> Camera:
        """The camera of a pose given the other way round: (4, 4) from the camera frame to the world, mm.

        Raises:
            ModMapError: as for the class.
        """
        pose = _matrix("T_camera_to_world", T_camera_to_world, shape=(4, 4))
        _check_rigid("T_camera_to_world", pose)
        return cls(K, _rigid_inverse(pose), size=size, distortion=distortion)

    @cached_property
    def T_camera_to_world(self) -> Array:
        """(4, 4) the inverse of the pose."""
        return _rigid_inverse(self.T_world_to_camera)

    @property
    def centre(self) -> Array:
        """(3,) the camera's place in the world, mm."""
        centre: Array = self.T_camera_to_world[:3, 3]
        return centre

    def back_project(self, pixels: Array, z: Array) -> Array:
        """Carries pixels with a depth into the world.

        Args:
            pixels: (M, 2) pixel coordinates (u, v).
            z: (M,) planar depth, mm.

        Returns:
            (M, 3) float64 world points, mm.
        """
        uv = np.asarray(pixels, dtype=np.float64).reshape(-1, 2)
        z = np.asarray(z, dtype=np.float64)
        if self.distortion is not None and len(uv):
            rays = _undistort(uv, self.K, self.distortion)
        else:
            y = (uv[:, 1] - self.K[1, 2]) / self.K[1, 1]
            x = (uv[:, 0] - self.K[0, 2] - self.K[0, 1] * y) / self.K[0, 0]
            rays = np.stack([x, y], axis=1)
        points = np.concatenate([rays * z[:, None], z[:, None]], axis=1)
        return points @ self.T_camera_to_world[:3, :3].T + self.centre

    def project(self, points: Array) -> tuple[Array, Array]:
        """Projects world points into the image.

        Args:
            points: (M, 3) world points, mm.

        Returns:
            (M, 2) pixel coordinates (u, v), NaN for points that no image size would show: those not in front
            of the camera, and those so far off its axis that the distortion folds back towards the centre.
            And (M,) planar depth, mm.
        """
        local = np.asarray(points, dtype=np.float64).reshape(-1, 3) @ self.T_world_to_camera[:3, :3].T
        local = local + self.T_world_to_camera[:3, 3]
        z = local[:, 2]
        in_front = z > 0
        if self.distortion is not None:
            in_front &= np.hypot(local[:, 0], local[:, 1]) < self._widest_ray * z
        if self.distortion is None:
            rays = local[:, :2] / np.where(in_front, z, np.nan)[:, None]
            return rays @ self.K[:2, :2].T + self.K[:2, 2], z
        uv = np.full((len(local), 2), np.nan)
        if in_front.any():
            zero = np.zeros(3)
            uv[in_front] = cv2.projectPoints(local[in_front], zero, zero, self.K, self.distortion)[0][:, 0]
        return uv, z

    @cached_property
    def _widest_ray(self) -> float:
        """Distance from the axis, at unit depth, up to which the radial distortion moves points outwards."""
        assert self.distortion is not None
        k1, k2, _, _, k3, k4, k5, k6 = np.pad(self.distortion, (0, 8))[:8]
        r = np.linspace(0, WIDEST_RAY, 4001)
        r2 = r**2
        denominator = 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
        with np.errstate(divide="ignore", invalid="ignore"):
            distorted = r * (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / denominator
        folded = np.flatnonzero(~(np.diff(distorted) > 0) | (denominator[1:] <= 0))
        return float(r[folded[0]]) if len(folded) else WIDEST_RAY

    def resized(self, width: int, height: int) -> Camera:
        """The same camera for its image scaled to (width, height); the calibration's size must be known."""
        if self.size is None:
            raise ModMapError("K: the image size it belongs to is not known, so it cannot be scaled")
        sx, sy = width / self.size[0], height / self.size[1]
        scale = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
        return replace(self, K=scale @ self.K, size=(width, height))


def _undistort(uv: Array, K: Array, distortion: Array) -> Array:
    # OpenCV 4 has the version that iterates to convergence under a name of its own.
    undistort = getattr(cv2, "undistortPointsIter", cv2.undistortPoints)
    rays = undistort(uv[:, None], K, distortion, R=None, P=None, criteria=UNDISTORTION_CRITERIA)
    return np.asarray(rays)[:, 0]


def _matrix(name: str, value: Any, *, shape: tuple[int, int]) -> Array:
    try:
        matrix = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ModMapError(f"{name}: expected numbers, found {value!r}") from None
    if matrix.shape != shape:
        raise ModMapError(f"{name}: expected a {shape[0]}x{shape[1]} matrix, found shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ModMapError(f"{name}: expected finite numbers, found {matrix.tolist()}")
    return matrix


def _check_intrinsics(K: Array) -> None:
    if K[0, 0] <= 0 or K[1, 1] <= 0 or not np.allclose(K[2], [0, 0, 1]) or K[1, 0] != 0:
        raise ModMapError(
            "K: expected [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] with positive fx and fy, "
            f"found {K.tolist()}"
        )


def _rigid_inverse(pose: Array) -> Array:
    inverse = np.eye(4)
    inverse[:3, :3] = pose[:3, :3].T
    inverse[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
    return inverse


def _check_rigid(name: str, pose: Array) -> None:
    rotation = pose[:3, :3]
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers that no rotation has
        error = float(np.abs(rotation @ rotation.T - np.eye(3)).max())
        determinant = float(np.linalg.det(rotation))
    rigid = error <= ROTATION_TOLERANCE and determinant > 0  # neither holds of NaN
    if not rigid or not np.allclose(pose[3], [0, 0, 0, 1]):
        raise ModMapError(
            f"{name}: expected a rotation and a translation with last row 0 0 0 1, found "
            f"|R R^T - 1| = {error:.3g}, det R = {determinant:.3g}, last row {pose[3].tolist()}"
        )
