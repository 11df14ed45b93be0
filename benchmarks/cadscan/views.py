"""Where the camera stands, and how exactly the robot and the operator get there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from benchmarks.cadscan.categories import Placement
from benchmarks.cadscan.errors import CadscanError
from modmap.scan import Camera

Array = npt.NDArray[Any]

SENSOR_SIZE = (4096, 3000)
FOCAL = (3470.28, 3468.90)
PRINCIPAL = (2045.80, 1563.63)
ELEVATIONS_DEGREES = (25.0, 50.0, 75.0)
REPEATABILITY_MM, REPEATABILITY_DEGREES = 0.05, 0.01
FILL = 0.86
CLEARANCE_MM = 3.0
FITTING_STEPS, FITTING_DAMPING = 80, 0.6


class ViewError(CadscanError):
    """Viewpoints that cannot be laid out."""


def binned_intrinsics(size: tuple[int, int]) -> Array:
    """(3, 3) K of the sensor binned evenly to cover an image of (width, height), cut at the middle.

    Raises:
        ViewError: the image is larger than the sensor or has no pixel.
    """
    width, height = size
    scale = max(width / SENSOR_SIZE[0], height / SENSOR_SIZE[1])
    if min(size) < 1 or scale > 1:
        raise ViewError(f"size: expected 1x1 to {SENSOR_SIZE[0]}x{SENSOR_SIZE[1]}, found {width}x{height}")
    cx = (PRINCIPAL[0] - (SENSOR_SIZE[0] - 1) / 2) * scale + (width - 1) / 2
    cy = (PRINCIPAL[1] - (SENSOR_SIZE[1] - 1) / 2) * scale + (height - 1) / 2
    return np.array([[FOCAL[0] * scale, 0, cx], [0, FOCAL[1] * scale, cy], [0, 0, 1]])


def look_at(eye: Array, target: Array) -> Array:
    """(4, 4) T_world_to_camera of a camera at `eye` that looks at `target`, the world's z up in its image."""
    x, y, z = forward = (target - eye) / np.linalg.norm(target - eye)
    # Cross products written out, as numpy's take ten times as long for two vectors.
    right = np.array([y, -x, 0.0])
    a, b, _ = right = right / np.linalg.norm(right)
    rotation = np.array([right, [-z * b, z * a, x * b - y * a], forward])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, -rotation @ eye
    return pose


def viewpoints(vertices: Array, count: int, *, size: tuple[int, int]) -> tuple[Camera, ...]:
    """The nominal cameras of a category: three rings about the part, staggered.

    Args:
        vertices: (V, 3) of the nominal part, mm. It fills most of every image.
        count: How many views; a multiple of three.
        size: (width, height) of the images, pixels.

    Raises:
        ViewError: `count` is not a multiple of three.
    """
    if count % len(ELEVATIONS_DEGREES) or count < 1:
        raise ViewError(f"views: expected a multiple of {len(ELEVATIONS_DEGREES)}, found {count}")
    K = binned_intrinsics(size)
    hull = _outermost(vertices)
    around = count // len(ELEVATIONS_DEGREES)
    cameras = []
    for ring, elevation in enumerate(np.radians(ELEVATIONS_DEGREES)):
        azimuths = 2 * np.pi * (np.arange(around) + ring / 3 + 0.13) / around
        directions = np.stack(
            [
                np.cos(azimuths) * np.cos(elevation),
                np.sin(azimuths) * np.cos(elevation),
                np.full(around, np.sin(elevation)),
            ],
            axis=1,
        )
        cameras += [Camera(K, look_at(*_filling(hull, d, K, size)), size=size) for d in directions]
    return tuple(cameras)


def view_id(index: int) -> str:
    """The name of a view; sorts in the views' order."""
    return f"{index:02d}"


def random_camera(vertices: Array, rng: np.random.Generator, *, size: tuple[int, int]) -> Camera:
    """A camera anywhere above a part, at a distance between close and far, turned about its axis at will."""
    K = binned_intrinsics(size)
    target = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    elevation, azimuth = np.arcsin(rng.uniform(0.2, 0.99)), rng.uniform(0, 2 * np.pi)
    direction = np.array(
        [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)]
    )
    eye, _ = _filling(_outermost(vertices), direction, K, size)
    distance = float(np.linalg.norm(eye - target)) * rng.uniform(0.55, 1.3)
    radius = np.linalg.norm(vertices - target, axis=1).max()
    aside = target + rng.uniform(-0.2, 0.2, 3) * radius
    pose = look_at(target + max(distance, 1.3 * radius) * direction, aside)
    roll = np.eye(4)
    roll[:3, :3] = Rotation.from_euler("z", rng.uniform(0, 2 * np.pi)).as_matrix()
    return Camera(K, roll @ pose, size=size)


def reached(pose: Array, rng: np.random.Generator) -> Array:
    """(4, 4) where the robot really put the camera that was sent to `pose`."""
    error = np.eye(4)
    error[:3, :3] = Rotation.from_rotvec(
        rng.normal(0, np.radians(REPEATABILITY_DEGREES) / np.sqrt(3), 3)
    ).as_matrix()
    error[:3, 3] = rng.normal(0, REPEATABILITY_MM / np.sqrt(3), 3)
    return error @ pose


def placed(kind: Placement, rng: np.random.Generator) -> Array:
    """(4, 4) T_part_to_world of one placement; the nominal one is the identity.

    In a fixture the part is within 0.3 mm and 0.2 degrees along and about every axis, upward along z. Laid down by
    hand it is within 3 mm along x and y, 1.5 degrees about z and a twentieth of a degree about x and y. It is turned
    about the middle of its foot and not lifted after that, so its lowest side sinks into the table: by 0.1 mm where it
    was laid down by hand, by up to half a millimetre in a fixture.
    """
    pose = np.eye(4)
    if kind == "fixture":
        angles, shift = rng.uniform(-0.2, 0.2, 3), rng.uniform(-0.3, 0.3, 3)
        shift[2] = abs(shift[2])
    else:
        angles = rng.uniform(-1, 1, 3) * [0.05, 0.05, 1.5]
        shift = rng.uniform(-1, 1, 3) * [3.0, 3.0, 0.0]
    pose[:3, :3] = Rotation.from_rotvec(np.radians(angles)).as_matrix()
    pose[:3, 3] = shift
    return pose


def _filling(vertices: Array, direction: Array, K: Array, size: tuple[int, int]) -> tuple[Array, Array]:
    """Eye and aim (3,) of the camera in a direction from the part's middle whose image the part fills, centred."""
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    distance, aim = 3 * float(np.linalg.norm(vertices - middle, axis=1).max()), middle
    for _ in range(FITTING_STEPS):
        eye = middle + distance * direction
        pose = look_at(eye, aim)
        # Plain arrays: a Camera would check itself at every step.
        homogeneous = (vertices @ pose[:3, :3].T + pose[:3, 3]) @ K.T
        uv = homogeneous[:, :2] / homogeneous[:, 2:]
        low, high = uv.min(axis=0), uv.max(axis=0)
        aside = ((low + high) / 2 - (np.array(size) - 1) / 2) * distance / np.diag(K)[:2]
        aim = aim + FITTING_DAMPING * aside @ pose[:2, :3]
        extent = high - low + 2 * CLEARANCE_MM * np.diag(K)[:2] / distance
        distance *= float((extent / (FILL * np.array(size))).max()) ** FITTING_DAMPING
    return middle + distance * direction, aim


def _outermost(vertices: Array) -> Array:
    """The vertices of the convex hull, which alone decide what fits an image."""
    hull: Array = vertices[ConvexHull(vertices).vertices]
    return hull
