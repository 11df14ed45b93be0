"""The camera that saw an organised cloud, and what is known of its place in the world."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modmap.camera import Camera
from modmap.datasets.fitted_camera import PLAIN_PINHOLE, FittedCamera, fit_camera
from modmap.datasets.resection import Resection, resect
from modmap.errors import ModMapError
from modmap.importing.cloud import CloudFile
from modmap.types import Array

CLEARLY_BETTER = 0.5  # share of the other's residual
MOST_JUDGED = 500_000  # points
AT_THE_ORIGIN = 0.05  # of the points' distance, by which a camera found from noisy points may lie beside it


@dataclass(frozen=True, eq=False)
class SeenFrom:
    """A cloud's camera.

    Attributes:
        fitted: In the cloud's frame; to its rows upside down where it is mirrored.
        mirrored: The cloud's rows run upwards.
        own_frame: The cloud's frame is the camera's: x right, y down, z forward.
        origin: The camera stands at the cloud's origin, whatever way its axes run.
    """

    fitted: FittedCamera
    mirrored: bool
    own_frame: bool
    origin: bool


def seen_from(points: Array, *, where: str) -> SeenFrom:
    """Finds the camera whose pixels see the points; of large clouds by every few of their rows and columns.

    Args:
        points: (H, W, 3) mm; NaN where nothing was measured.
        where: The file and the view; opens the error.

    Raises:
        ModMapError: nothing was measured, or no pinhole camera sees the points at their pixels.
    """
    if not np.isfinite(points).any():
        raise ModMapError(f"{where}: expected measured points, found none")
    points = _thinned(points)
    fitted = fit_camera(np.nan_to_num(points, nan=0.0))
    if fitted is not None and fitted.camera.distortion is None and fitted.residual <= PLAIN_PINHOLE:
        return SeenFrom(fitted, mirrored=False, own_frame=True, origin=True)
    # A lens can make up for a frame that is turned by a few degrees: the better one is it.
    found = resect(points)
    if found is not None and found.holds:
        other = np.inf if fitted is None or not fitted.fits else fitted.residual
        if found.fitted.residual < CLEARLY_BETTER * other:
            return SeenFrom(found.fitted, found.mirrored, own_frame=False, origin=_at_origin(found, points))
    if fitted is None or not fitted.fits:
        raise ModMapError(f"{where}: {_why_none(fitted, found)}")
    return SeenFrom(fitted, mirrored=False, own_frame=True, origin=True)


def cloud_poses(
    files: Sequence[CloudFile], seen: Mapping[str, SeenFrom], unit: float
) -> dict[str, Array] | None:
    """What carries each cloud into one world, by what the files and the points say.

    Poses that the files say hold; a camera's only while its cloud is in its frame, and not where all files have the
    same, as some drivers write. Else clouds that were seen from several places are in one world already. Else nothing
    is known, as each cloud then lies before its own camera.

    Args:
        files: The views' files.
        seen: Their cameras.
        unit: Millimetres per unit of the poses.

    Returns:
        (4, 4) mm by view id; None where the poses aren't known. Of one view alone its frame is the world.
    """
    said = {file.view_id: file.pose for file in files if not file.pose_of_camera or seen[file.view_id].origin}
    poses = [_scaled(pose, unit) for pose in said.values()]
    all_alike = len(files) > 1 and all(np.array_equal(one, poses[0]) for one in poses)
    if any(pose is not None for pose in said.values()) and not (all_alike and files[0].pose_of_camera):
        return {file.view_id: _scaled(said.get(file.view_id), unit) for file in files}
    if len(files) > 1 and all(one.origin for one in seen.values()):
        return None
    return {file.view_id: np.eye(4) for file in files}


def posed_camera(fitted: FittedCamera, T_cloud_to_world: Array, *, where: str) -> Camera:
    """The camera in the world.

    Raises:
        ModMapError: the pose is no rigid motion.
    """
    camera = fitted.camera
    try:
        cloud = Camera.from_camera_to_world(camera.K, T_cloud_to_world)  # only to check it as it was given
        pose = cloud.T_camera_to_world @ camera.T_camera_to_world
        return Camera.from_camera_to_world(camera.K, pose, size=camera.size, distortion=camera.distortion)
    except ModMapError as error:
        raise ModMapError(f"{where}: {error}") from None


def _thinned(points: Array) -> Array:
    """The points with only every few rows and columns measured, where there are more than need be judged."""
    step = math.ceil(math.sqrt(points.shape[0] * points.shape[1] / MOST_JUDGED))
    if step < 2 or not np.isfinite(points[::step, ::step]).all(axis=2).any():
        return points
    thin = np.full_like(points, np.nan)
    thin[::step, ::step] = points[::step, ::step]
    return thin


def _scaled(pose: Array | None, unit: float) -> Array:
    scaled: Array = np.eye(4) if pose is None else pose.copy()
    scaled[:3, 3] *= unit
    return scaled


def _at_origin(found: Resection, points: Array) -> bool:
    camera = found.fitted.camera
    known = points[np.isfinite(points).all(axis=2)]
    distance = float(np.median(np.linalg.norm(known - camera.centre, axis=1)))
    return float(np.linalg.norm(camera.centre)) <= AT_THE_ORIGIN * distance


def _why_none(fitted: FittedCamera | None, found: Resection | None) -> str:
    expected = "expected points that a pinhole camera sees at their pixels, found"
    advice = (
        "export the cloud in the camera's frame (x right, y down, z forward), undistorted; what a line scanner or a "
        "panorama measures isn't seen by a pinhole"
    )
    if found is not None and found.fitted.fits:
        return f"{expected} too flat a surface to tell which, in a frame that isn't the camera's: {advice}"
    fits = [one for one in (fitted, found.fitted if found is not None else None) if one is not None]
    best = min((one for one in fits if np.isfinite(one.residual)), key=lambda one: one.residual, default=None)
    return f"{expected} {'none' if best is None else best}: {advice}"
