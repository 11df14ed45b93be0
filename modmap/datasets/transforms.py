"""Scans with a `transforms.json`, as nerfstudio and instant-ngp have them, and apps for phones with a depth camera."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field

from modmap.camera import Camera
from modmap.datasets.camera_models import PinholeRecord
from modmap.datasets.cameras import build_camera
from modmap.datasets.plain import file_beside
from modmap.datasets.units import DepthUnit, guess_depth_unit, guess_pose_unit, typical_depth
from modmap.errors import ModMapError
from modmap.files.validated_json import read_json, validate
from modmap.scan import Finding, Scan, View
from modmap.types import Array

TRANSFORMS = "transforms.json"
OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])  # y up and z back, to y down and z forward
HALF_A_PIXEL = 0.5  # its middle, where pixels are counted from their corner
FLAT = 1e-6  # determinant of what can't be undone

Length = Annotated[float, Field(gt=0)]
Matrix = list[list[float]]


class _Intrinsics(PinholeRecord):
    """What the file, or one of its frames, says of the camera; the rest isn't read.

    Attributes:
        fl_x: Focal length, pixels; `fl_y` the same where not given.
        camera_angle_x: Angle of view, radians, from which `fl_x` is where that isn't given.
        cx: Principal point, pixels from the top left corner of the image; its middle where not given.
        w: Size of the image that these belong to.
        k1: Distortion as OpenCV has it, likewise the others.
        k4: Must be none: OpenCV's is another one.
    """

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    fl_x: Length | None = None
    fl_y: Length | None = None
    camera_angle_x: Annotated[float, Field(gt=0, lt=math.pi)] | None = None
    cx: float | None = None
    cy: float | None = None
    w: Annotated[int, Field(ge=1)] | None = None
    h: Annotated[int, Field(ge=1)] | None = None
    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    camera_model: str | None = None


class _Frame(_Intrinsics):
    """One view; file names are relative to `transforms.json`."""

    file_path: str
    depth_file_path: str | None = None
    transform_matrix: Matrix


class _Transforms(_Intrinsics):
    """The content of `transforms.json`, as far as it is read.

    Attributes:
        frames: The views.
        applied_transform: (3, 4) that whoever wrote the file turned the world by; it is undone.
        applied_scale: That the poses were then multiplied by; likewise.
        depth_unit: Our own key, as in `scan.json`; guessed where not given.
        pose_unit: Likewise.
    """

    frames: Annotated[list[_Frame], Field(min_length=1)]
    applied_transform: Matrix | None = None
    applied_scale: Length = 1.0
    depth_unit: DepthUnit | None = None
    pose_unit: DepthUnit | None = None


def read_transforms(directory: Path) -> Scan:
    """Opens the scan of a `transforms.json`.

    Poses are camera-to-world with OpenGL's axes; pixels are counted from the corner of the top left one, as nerfstudio,
    instant-ngp and COLMAP do. Neither unit is in such a file: both are guessed, unless it has `depth_unit` or
    `pose_unit`.

    Raises:
        ModMapError: the file is missing, broken or mistaken; a view has no depth, or a file that isn't there; its
            camera isn't a pinhole, or none.
    """
    where = directory / TRANSFORMS
    data = read_json(where)
    record = validate(_Transforms, data, where=str(where))
    ids = _view_ids(record.frames)
    images = [_image(where, frame, index) for index, frame in enumerate(record.frames)]
    depths = [_depth(where, frame, index) for index, frame in enumerate(record.frames)]
    findings = [Finding("found", f"{where} ({len(ids)} views)"), *_told(record, data)]
    typical = typical_depth(depths) if None in (record.depth_unit, record.pose_unit) else None
    depth_unit = record.depth_unit
    if depth_unit is None:
        depth_unit, guess = guess_depth_unit(typical)
        findings.append(guess)
    poses = _camera_to_world(record, where)
    pose_unit = record.pose_unit
    if pose_unit is None:
        pose_unit, guess = guess_pose_unit(poses[:, :3, 3], typical[0] * depth_unit if typical else None)
        findings.append(guess)
    poses[:, :3, 3] *= pose_unit
    views = [
        View(
            id=view_id,
            image=images[index],
            depth=depths[index],
            camera=_camera(record, index, poses[index], where=f"{where}: frames.{index}"),
            depth_unit=depth_unit,
        )
        for index, view_id in enumerate(ids)
    ]
    try:
        return Scan(directory.resolve().name, views, root=directory, findings=tuple(findings))
    except ModMapError as error:
        raise ModMapError(f"{where}: {error}") from None


def _view_ids(frames: Sequence[_Frame]) -> list[str]:
    """The images' names without their endings; with their folders where two share one."""
    names = [Path(frame.file_path).stem for frame in frames]
    if len(set(names)) == len(names):
        return names
    return [Path(frame.file_path).with_suffix("").as_posix() for frame in frames]


def _image(where: Path, frame: _Frame, index: int) -> Path:
    name = frame.file_path if Path(frame.file_path).suffix else f"{frame.file_path}.png"
    return file_beside(where, name, what=f"frames.{index}.file_path")


def _depth(where: Path, frame: _Frame, index: int) -> Path:
    if frame.depth_file_path is None:
        raise ModMapError(
            f"{where}: frames.{index}.depth_file_path: expected the view's depth map, found none"
        )
    return file_beside(where, frame.depth_file_path, what=f"frames.{index}.depth_file_path")


def _told(record: _Transforms, data: dict[str, Any]) -> list[Finding]:
    """What was undone, and what isn't read."""
    findings = []
    if record.applied_transform is not None or record.applied_scale != 1:
        text = "applied_transform: undone, so that the world is the one before it"
        findings.append(Finding("found", text))
    unread = {
        f"frames.{key}" for frame in data["frames"] for key in set(frame).difference(_Frame.model_fields)
    }
    unread |= set(data).difference(_Transforms.model_fields)
    if unread:
        findings.append(Finding("found", f"not read: {', '.join(sorted(unread))}"))
    return findings


def _camera_to_world(record: _Transforms, where: Path) -> Array:
    """(N, 4, 4) poses with OpenCV's axes, in the file's unit, in the world before `applied_transform`."""
    undone: Array = np.eye(4)
    if record.applied_transform is not None:
        undone[:3] = _matrix(record.applied_transform, where=f"{where}: applied_transform")[:3]
        if abs(np.linalg.det(undone)) < FLAT:
            raise ModMapError(
                f"{where}: applied_transform: expected one that can be undone, found a flat one"
            )
    undone = np.linalg.inv(undone)
    poses = []
    for index, frame in enumerate(record.frames):
        pose = np.eye(4)
        pose[:3] = _matrix(frame.transform_matrix, where=f"{where}: frames.{index}.transform_matrix")[:3]
        pose[:3, 3] /= record.applied_scale
        poses.append(undone @ pose @ OPENGL)
    return np.stack(poses)


def _matrix(rows: Matrix, *, where: str) -> Array:
    """(3, 4) or (4, 4)."""
    if len(rows) not in (3, 4) or any(len(row) != 4 for row in rows):
        found = "x".join(map(str, (len(rows), *sorted({len(row) for row in rows}))))
        raise ModMapError(f"{where}: expected a 4x4 or a 3x4 matrix, found {found}")
    return np.array(rows)


def _camera(record: _Transforms, index: int, pose: Array, *, where: str) -> Camera:
    own = set(_Intrinsics.model_fields)
    said = [
        one.model_dump(include=own, exclude_unset=True, exclude_none=True)
        for one in (record, record.frames[index])
    ]
    given = _Intrinsics.model_validate(said[0] | said[1])
    if given.k4:
        raise ModMapError(
            f"{where}: k4: expected 0, as OpenCV's fourth coefficient is another, found {given.k4:g}"
        )
    fl_x = given.fl_x
    if fl_x is None and given.camera_angle_x is not None and given.w is not None:
        fl_x = given.w / 2 / math.tan(given.camera_angle_x / 2)
    if fl_x is None:
        raise ModMapError(f"{where}: expected fl_x, or camera_angle_x and w, found neither")
    centre = []
    for name, value, side in (("cx", given.cx, given.w), ("cy", given.cy, given.h)):
        if value is None and side is None:
            raise ModMapError(f"{where}: expected {name}, or the image's size w and h, found neither")
        centre.append((value if value is not None else (side or 0) / 2) - HALF_A_PIXEL)
    K = [[fl_x, 0, centre[0]], [0, given.fl_y or fl_x, centre[1]], [0, 0, 1]]
    size = None if given.w is None or given.h is None else (given.w, given.h)
    distortion = [given.k1, given.k2, given.p1, given.p2, given.k3]
    return build_camera(
        K, where=where, T_camera_to_world=pose, size=size, distortion=distortion if any(distortion) else None
    )
