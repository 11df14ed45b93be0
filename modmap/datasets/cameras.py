"""The cameras of a scan: our own `cameras.json`, or an OpenCV `calib.xml` with its `pose.txt`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from modmap.camera import Camera
from modmap.datasets.camera_models import FOUR_COEFFICIENTS, PinholeRecord
from modmap.datasets.opencv_cameras import read_calib_xml, read_poses
from modmap.datasets.units import DepthUnit, guess_depth_unit, millimetres_per_unit
from modmap.errors import ModMapError
from modmap.files.atomic import atomic_file
from modmap.files.validated_json import read_json, validate
from modmap.scan import Finding

CAMERAS = "cameras.json"
CALIB = "calib.xml"
POSES = "pose.txt"


@dataclass(frozen=True)
class FoundCameras:
    """What is known of a scan's cameras and of the unit of its depth.

    Attributes:
        cameras: The camera of each view that has one, by view id.
        depth_unit: Millimetres per unit of the stored depth.
        looked_for: What was looked for and where, for the error of a view without a camera.
        findings: What was found, guessed and missed.
    """

    cameras: Mapping[str, Camera]
    depth_unit: float
    looked_for: str
    findings: tuple[Finding, ...]


class _CameraRecord(PinholeRecord):
    K: list[list[float]]
    size: tuple[int, int] | None = None
    T_world_to_camera: list[list[float]]
    distortion: list[float] | None = None


class _CamerasFile(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    depth_unit: DepthUnit | None = None
    views: dict[str, _CameraRecord]


def find_cameras(
    directories: Sequence[Path],
    view_ids: Sequence[str],
    *,
    measure_depth: Callable[[], tuple[float, Path] | None],
) -> FoundCameras:
    """Looks for the cameras of a scan; what is not there is a finding, what is there but broken an error.

    `cameras.json` is taken from the first directory that has it; else `calib.xml` and `pose.txt` are, each
    from the first directory that has it.

    Args:
        directories: Where to look, nearest first.
        view_ids: The scan's views, in order; `pose.txt` has a line for each.
        measure_depth: Gives the median stored depth and its file (`units.typical_depth`); called only where a
            unit has to be guessed.

    Raises:
        ModMapError: a calibration file cannot be used, or `pose.txt` has another number of lines than views.
    """
    places = ", ".join(map(str, directories))
    looked_for = f"looked for {CAMERAS}, or {CALIB} and {POSES}, in {places}"
    cameras_file = _first(directories, CAMERAS)
    if cameras_file is not None:
        return _from_cameras_json(cameras_file, view_ids, measure_depth=measure_depth)
    typical = measure_depth()
    unit, guess = guess_depth_unit(typical)
    calib, poses = _first(directories, CALIB), _first(directories, POSES)
    if calib is None or poses is None:
        have = ", ".join(str(file) for file in (calib, poses) if file is not None)
        missed = Finding("missed", f"calibration: {looked_for}; found {'only ' + have if have else 'none'}")
        return FoundCameras({}, unit, looked_for, (guess, missed))
    intrinsics = read_calib_xml(calib)
    pose_list, pose_guess = read_poses(poses, typical_depth_mm=typical[0] * unit if typical else None)
    if len(pose_list) != len(view_ids):
        raise ModMapError(f"{poses}: expected {len(view_ids)} poses, one per view, found {len(pose_list)}")
    cameras = {
        view_id: build_camera(
            intrinsics.K,
            where=f"{calib}, {poses}: view {view_id}",
            T_camera_to_world=pose,
            size=intrinsics.size,
            distortion=intrinsics.distortion,
        )
        for view_id, pose in zip(view_ids, pose_list, strict=True)
    }
    found = Finding("found", f"calibration: {calib} and {poses} ({len(cameras)} views)")
    return FoundCameras(cameras, unit, looked_for, (found, *intrinsics.findings, guess, pose_guess))


def build_camera(
    K: Any,
    *,
    where: str,
    T_world_to_camera: Any = None,
    T_camera_to_world: Any = None,
    size: tuple[int, int] | None = None,
    distortion: Any = None,
) -> Camera:
    """A camera of either pose, whose errors open with `where`."""
    try:
        if T_world_to_camera is not None:
            return Camera(K, T_world_to_camera, size=size, distortion=distortion)
        return Camera.from_camera_to_world(K, T_camera_to_world, size=size, distortion=distortion)
    except ModMapError as error:
        raise ModMapError(f"{where}: {error}") from None


def write_cameras(path: str | Path, cameras: Mapping[str, Camera], *, depth_unit: str | float = "mm") -> None:
    """Writes `cameras.json`.

    Args:
        path: The file.
        cameras: The camera of each view, by view id.
        depth_unit: Unit of the depth maps beside it: "mm", "m", "0.1mm" or millimetres per unit.
    """
    millimetres_per_unit(depth_unit)
    lines = ",\n".join(f"    {json.dumps(view_id)}: {_record(camera)}" for view_id, camera in cameras.items())
    text = f'{{\n  "depth_unit": {json.dumps(depth_unit)},\n  "views": {{\n{lines}\n  }}\n}}\n'
    with atomic_file(Path(path)) as partial:
        partial.write_text(text, encoding="utf-8")


def _record(camera: Camera) -> str:
    record: dict[str, Any] = {"K": camera.K.tolist()}
    if camera.size is not None:
        record["size"] = list(camera.size)
    record["T_world_to_camera"] = camera.T_world_to_camera.tolist()
    if camera.distortion is not None:
        record["distortion"] = camera.distortion.tolist()
    return json.dumps(record)


def _from_cameras_json(
    path: Path, view_ids: Sequence[str], *, measure_depth: Callable[[], tuple[float, Path] | None]
) -> FoundCameras:
    content = validate(_CamerasFile, read_json(path), where=str(path))
    cameras = {
        view_id: build_camera(
            record.K,
            where=f"{path}: view {view_id}",
            T_world_to_camera=record.T_world_to_camera,
            size=record.size,
            distortion=record.distortion,
        )
        for view_id, record in content.views.items()
        if view_id in view_ids
    }
    findings = [Finding("found", f"calibration: {path} ({len(cameras)} of {len(view_ids)} views)")]
    if any(one.distortion is not None and len(one.distortion) == 4 for one in content.views.values()):
        findings.append(Finding("found", FOUR_COEFFICIENTS))
    absent = [view_id for view_id in view_ids if view_id not in cameras]
    if absent:
        has = ", ".join(content.views) or "none"
        findings.append(
            Finding("missed", f"calibration: {path} lacks view {', '.join(absent)}; it has {has}")
        )
    if content.depth_unit is not None:
        unit = content.depth_unit
        findings.append(Finding("found", f"depth unit: {unit:g} mm, from {path}"))
    else:
        unit, guess = guess_depth_unit(measure_depth())
        findings.append(guess)
    return FoundCameras(cameras, unit, f"{path} does not have it", tuple(findings))


def _first(directories: Sequence[Path], name: str) -> Path | None:
    return next((directory / name for directory in directories if (directory / name).is_file()), None)
