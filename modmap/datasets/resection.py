"""The camera of an organised point cloud whose points are in another frame than the camera's: a resection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import rq
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from modmap.camera import Camera
from modmap.datasets.fitted_camera import FEWEST_POINTS, PLAIN_PINHOLE, POINTS_FITTED, FittedCamera, judged
from modmap.types import Array

FLAT = 1e-9  # of a projection's determinant, in a normalised frame, below which it is none
LARGEST_DOUBT = 0.01  # of a focal length: its standard error


@dataclass(frozen=True, eq=False)
class Resection:
    """A camera and its pose, found from points and the pixels that they belong to.

    Attributes:
        fitted: The camera in the cloud's frame, and how well it fits; of a mirrored cloud, to its rows upside down.
        mirrored: The cloud's rows run upwards.
        doubt: Standard error of the focal length, as a share of it. Flat surfaces leave it open.
    """

    fitted: FittedCamera
    mirrored: bool
    doubt: float

    @property
    def holds(self) -> bool:
        """Whether it is the camera of these points: it fits, and they leave no other."""
        return self.fitted.fits and self.doubt <= LARGEST_DOUBT


def resect(points: Array) -> Resection | None:
    """Finds the camera that an organised cloud was seen by, wherever its frame lies.

    A direct linear transform gives a projection, which is split into intrinsics and pose and refined on the distances
    in the image, with a lens (k1, p1, p2) where a pinhole alone isn't exact (Hartley and Zisserman, Multiple View
    Geometry, 7.1 and 7.2). Deterministic.

    Args:
        points: (H, W, 3) x, y, z of every pixel's point, mm; NaN where nothing was measured.

    Returns:
        None where there are too few points, or they give no projection, as those of one plane do.
    """
    height, width = points.shape[:2]
    v, u = np.nonzero(np.isfinite(points).all(axis=2))
    if len(v) < FEWEST_POINTS:
        return None
    seen, at = points[v, u].astype(np.float64), np.stack([u, v], axis=1).astype(np.float64)
    step = max(1, len(seen) // POINTS_FITTED)
    start = _projection(seen[::step], at[::step])
    if start is None:
        return None
    P, mirrored = start
    if mirrored:
        at[:, 1] = height - 1 - at[:, 1]
        start = _projection(seen[::step], at[::step])
        if start is None or start[1]:
            return None
        P = start[0]
    values = _parameters(P)
    if values is None:
        return None
    camera, doubt = _refined(values, seen[::step], at[::step], (width, height))
    return Resection(judged(camera, seen, at), mirrored, doubt)


def _projection(points: Array, pixels: Array) -> tuple[Array, bool] | None:
    """(3, 4) by the direct linear transform, and whether the points would have to be mirrored to be in front."""
    from_points, from_pixels = _normalisation(points), _normalisation(pixels)
    X = np.c_[points, np.ones(len(points))] @ from_points.T
    x = np.c_[pixels, np.ones(len(pixels))] @ from_pixels.T
    zero = np.zeros_like(X)
    rows = np.concatenate([np.c_[X, zero, -x[:, :1] * X], np.c_[zero, X, -x[:, 1:2] * X]])
    P = np.linalg.svd(rows, full_matrices=False)[2][-1].reshape(3, 4)
    determinant = float(np.linalg.det(P[:, :3]))
    if not abs(determinant) > FLAT:
        return None
    P = np.linalg.inv(from_pixels) @ (P * np.sign(determinant)) @ from_points
    return P, bool(np.median(points @ P[2, :3] + P[2, 3]) < 0)


def _normalisation(values: Array) -> Array:
    """The similarity that brings values (M, d) to the middle 0 and a mean distance from it of the root of d."""
    dimensions = values.shape[1]
    middle = values.mean(axis=0)
    spread = float(np.linalg.norm(values - middle, axis=1).mean()) or 1.0
    scale = np.sqrt(dimensions) / spread
    matrix: Array = np.diag([scale] * dimensions + [1.0])
    matrix[:dimensions, -1] = -scale * middle
    return matrix


def _parameters(P: Array) -> Array | None:
    """A rotation vector, a translation, fx, fy, cx, cy of a projection whose determinant is positive."""
    K, R = rq(P[:, :3])
    signs = np.diag(np.sign(np.diag(K)))
    K, R = K @ signs, signs @ R
    if not (np.diag(K) > 0).all():
        return None
    t = np.linalg.solve(K, P[:, 3])
    K = K / K[2, 2]
    return np.array([*Rotation.from_matrix(R).as_rotvec(), *t, K[0, 0], K[1, 1], K[0, 2], K[1, 2]])


def _refined(start: Array, points: Array, pixels: Array, size: tuple[int, int]) -> tuple[Camera, float]:
    """The camera with the least squared distance in the image, and the standard error of its focal length."""
    # From the middle of the points, so that turning and moving the camera are told apart.
    middle = points.mean(axis=0)
    local = points - middle
    start = start.copy()
    start[3:6] += Rotation.from_rotvec(start[:3]).apply(middle)

    def distances(values: Array) -> Array:
        turned = Rotation.from_rotvec(values[:3]).apply(local) + values[3:6]
        x, y = (turned[:, :2] / turned[:, 2:]).T
        if len(values) > 10:
            k1, p1, p2 = values[10:]
            r2 = x**2 + y**2
            x, y = (
                x * (1 + k1 * r2) + 2 * p1 * x * y + p2 * (r2 + 2 * x**2),
                y * (1 + k1 * r2) + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y,
            )
        fx, fy, cx, cy = values[6:10]
        return np.concatenate([fx * x + cx - pixels[:, 0], fy * y + cy - pixels[:, 1]])

    found = least_squares(distances, start, x_scale="jac")
    if _distance(found.fun) > PLAIN_PINHOLE:
        found = least_squares(distances, np.concatenate([found.x, np.zeros(3)]), x_scale="jac")
    values = found.x
    pose: Array = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(values[:3]).as_matrix()
    pose[:3, 3] = values[3:6] - pose[:3, :3] @ middle
    fx, fy, cx, cy = values[6:10]
    K = np.array([[abs(fx), 0, cx], [0, abs(fy), cy], [0, 0, 1.0]])
    lens = np.array([values[10], 0, *values[11:]]) if len(values) > 10 else None
    return Camera(K, pose, size=size, distortion=lens), _doubt(found.jac, found.fun, values)


def _doubt(jacobian: Array, residuals: Array, values: Array) -> float:
    """Standard error of fx and fy, as a share of them; of measurements without noise, that of the pixels' rounding."""
    variance = max(float(np.mean(residuals**2)), 1 / 12 / 100)
    # Columns of one length: the parameters are radians, millimetres and pixels.
    lengths = np.maximum(np.linalg.norm(jacobian, axis=0), np.finfo(float).tiny)
    scaled = jacobian / lengths
    values_of, vectors = np.linalg.eigh(scaled.T @ scaled)
    inverse = vectors**2 @ (1 / np.maximum(values_of, np.finfo(float).eps ** 2))
    errors = np.sqrt(inverse[6:8] * variance) / lengths[6:8]
    return float((errors / np.abs(values[6:8])).max())


def _distance(residuals: Array) -> float:
    return float(np.sqrt(2 * np.mean(residuals**2)))
