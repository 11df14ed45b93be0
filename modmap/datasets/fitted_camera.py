"""The camera that an organised point cloud was seen by, fitted to its points where a data set keeps no calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from modmap.camera import Camera
from modmap.types import Array

FEWEST_POINTS = 100
POINTS_FITTED = 5000
PLAIN_PINHOLE = 0.1  # pixels of residual up to which no lens is fitted
LARGEST_RESIDUAL = 0.5  # pixels


@dataclass(frozen=True, eq=False)
class FittedCamera:
    """A camera, and how far the points lie from where it sees them.

    Attributes:
        camera: Where it stands in the cloud's frame, which is its own where it was fitted by `fit_camera`.
        residual: Root mean square distance of the points' projections from their pixels, pixels.
        largest: The largest, pixels.
        pixel: Edge of a pixel at the cloud's median depth, mm.
    """

    camera: Camera
    residual: float
    largest: float
    pixel: float

    @property
    def fits(self) -> bool:
        """Whether it is the camera of these points: half a pixel of residual at most."""
        return self.residual <= LARGEST_RESIDUAL

    def __str__(self) -> str:
        focal = self.camera.K[0, 0]
        lens = "a pinhole" if self.camera.distortion is None else "a pinhole with a lens"
        return (
            f"{lens} of focal length {focal:.0f} px, {self.residual:.3f} px ({self.residual * self.pixel:.3f} mm) from "
            f"the points' pixels (root mean square), {self.largest:.2f} px at most"
        )


def fit_camera(points: Array) -> FittedCamera | None:
    """Fits a pinhole to an organised point cloud; with a lens (k1, p1, p2) where a pinhole alone isn't exact.

    Over the pixels (u, v) of the measured points, u is linear in x / z and v in y / z, so that the pinhole is a linear
    least squares fit; the lens refines it. No more than 5000 evenly spread points are fitted, all are judged.
    Deterministic.

    Args:
        points: (H, W, 3) x, y, z of every pixel's point, mm, camera frame; z of 0 where nothing was measured.

    Returns:
        None where too few points were measured, or all on one line of sight.
    """
    height, width = points.shape[:2]
    v, u = np.nonzero(np.isfinite(points).all(axis=2) & (points[..., 2] > 0))
    seen = points[v, u].astype(np.float64)
    pixels = np.stack([u, v], axis=1).astype(np.float64)
    step = max(1, len(seen) // POINTS_FITTED)
    some, at = seen[::step], pixels[::step]
    rays = some[:, :2] / some[:, 2:]
    if len(some) < FEWEST_POINTS or (np.ptp(rays, axis=0) == 0).any():
        return None
    intrinsics = np.concatenate([np.polyfit(rays[:, axis], at[:, axis], 1) for axis in (0, 1)])
    if (intrinsics[::2] <= 0).any():
        return None
    camera = _camera(intrinsics, np.zeros(3), (width, height))
    if _root_mean_square(_residuals(camera, some, at)[0]) > PLAIN_PINHOLE:
        camera = _with_lens(intrinsics, rays, at, (width, height))
    return judged(camera, seen, pixels)


def judged(camera: Camera, points: Array, pixels: Array) -> FittedCamera:
    """How well a camera sees points (M, 3), mm, where they belong, at pixels (M, 2)."""
    found, depth = _residuals(camera, points, pixels)
    return FittedCamera(
        camera,
        residual=_root_mean_square(found),
        largest=float(found.max()),
        pixel=float(np.median(depth) / camera.K[0, 0]),
    )


def _with_lens(intrinsics: Array, rays: Array, pixels: Array, size: tuple[int, int]) -> Camera:
    """Refines fx, cx, fy, cy beside k1, p1 and p2 by nonlinear least squares, from no distortion on."""
    x, y = rays.T
    r2 = x**2 + y**2

    def distances(values: Array) -> Array:
        fx, cx, fy, cy, k1, p1, p2 = values
        bent_x = x * (1 + k1 * r2) + 2 * p1 * x * y + p2 * (r2 + 2 * x**2)
        bent_y = y * (1 + k1 * r2) + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y
        return np.concatenate([fx * bent_x + cx - pixels[:, 0], fy * bent_y + cy - pixels[:, 1]])

    values = least_squares(distances, np.concatenate([intrinsics, np.zeros(3)]), x_scale="jac").x
    return _camera(values[:4], values[4:], size)


def _camera(intrinsics: Array, lens: Array, size: tuple[int, int]) -> Camera:
    fx, cx, fy, cy = intrinsics
    k1, p1, p2 = lens
    K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
    return Camera(K, np.eye(4), size=size, distortion=np.array([k1, 0, p1, p2]))


def _residuals(camera: Camera, points: Array, pixels: Array) -> tuple[Array, Array]:
    """(M,) pixels between the points' projections and their pixels, infinite for those not seen; and depth."""
    seen, depth = camera.project(points)
    distances: Array = np.nan_to_num(np.linalg.norm(seen - pixels, axis=1), nan=np.inf)
    return distances, depth


def _root_mean_square(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))
