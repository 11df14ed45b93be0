"""The plain layout, simple enough to write by hand: a `scan.json` beside the files of its views."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from modmap.camera import Camera
from modmap.datasets.camera_models import FOUR_COEFFICIENTS, PinholeRecord
from modmap.datasets.cameras import build_camera
from modmap.datasets.units import NAMED_UNITS, DepthUnit
from modmap.errors import ModMapError
from modmap.files.atomic import atomic_directory, telling, write_bytes
from modmap.files.formats import require_format
from modmap.files.places import require_free
from modmap.files.validated_json import read_json, validate
from modmap.scan import Finding, Frame, Scan, View

SCAN = "scan.json"
FORMAT = 1
RENDERER_FAR = 1e6  # mm: a kilometre

Matrix = list[list[float]]


def _sized(size: int) -> WithJsonSchema:
    """What a schema says of a square matrix; what is read is checked by the camera, in whose words it is refused."""
    row = {"type": "array", "items": {"type": "number"}, "minItems": size, "maxItems": size}
    return WithJsonSchema({"type": "array", "items": row, "minItems": size, "maxItems": size})


Intrinsics = Annotated[Matrix, _sized(3)]
Pose = Annotated[Matrix, _sized(4)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ViewRecord(PinholeRecord):
    """One entry of `views`; file names are relative to `scan.json`.

    Attributes:
        id: The view's name; views of different scans are matched by it.
        image: Image file.
        depth: Depth file.
        K: (3, 3) intrinsics, pixels.
        K_size: (width, height) of the image that `K` belongs to, where that is not the view's image.
        T_world_to_camera: (4, 4) pose; this or `T_camera_to_world`.
        T_camera_to_world: (4, 4) pose the other way round.
        pose_unit: Unit of the pose's translation.
        distortion: OpenCV coefficients (k1, k2, p1, p2[, k3 ...]).
        depth_unit: "mm", "m", "0.1mm" or millimetres per unit; the scan's where not given.
        depth_limit: Millimetres; what is farther counts as not measured; the scan's where not given.
        far_is_background: The depth's maximum is a renderer's background.
    """

    id: str
    image: str
    depth: str
    K: Intrinsics | None = None
    K_size: tuple[int, int] | None = None
    T_world_to_camera: Pose | None = None
    T_camera_to_world: Pose | None = None
    pose_unit: Literal["mm", "m"] = "mm"
    distortion: list[float] | None = None
    depth_unit: DepthUnit | None = None
    depth_limit: Positive | None = None
    far_is_background: bool = False


class ScanRecord(BaseModel):
    """The content of `scan.json`.

    Attributes:
        schema_file: For editors: where the schema is that `modmap schema scan` printed.
        format: Of this file, 1 where it isn't said.
        name: The scan's name; its directory's where not given.
        category: The kind of part.
        anomalous: The scan's label.
        depth_unit: "mm", "m", "0.1mm" or millimetres per unit, for the views that do not say.
        depth_limit: Millimetres; what is farther counts as not measured, for the views that do not say.
        ground_truth: File of the defect voxels.
        views: The views, in order.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    schema_file: str | None = Field(None, alias="$schema")
    format: int = Field(FORMAT, ge=1, le=FORMAT)
    name: str | None = None
    category: str | None = None
    anomalous: bool | None = None
    depth_unit: DepthUnit | None = None
    depth_limit: Positive | None = None
    ground_truth: str | None = None
    views: list[ViewRecord]


def read_plain(directory: Path) -> Scan:
    """Opens the scan of a `scan.json`.

    Raises:
        ModMapError: the file is missing, broken, mistaken or of a newer format, or names a file that is not there.
    """
    where = directory / SCAN
    data = read_json(where)
    require_format(data, FORMAT, where=str(where))
    record = validate(ScanRecord, data, where=str(where))
    views, findings = [], [Finding("found", f"{where} ({len(record.views)} views)")]
    for index, entry in enumerate(record.views):
        camera, missing = _camera(entry, where=f"{where}: views.{index}")
        if missing:
            findings.append(Finding("missed", f"camera of view {entry.id}: {missing}"))
        views.append(_view(entry, scan=record, directory=directory, camera=camera, missing=missing))
    if any(entry.distortion is not None and len(entry.distortion) == 4 for entry in record.views):
        findings.append(Finding("found", FOUR_COEFFICIENTS))
    ground_truth = record.ground_truth
    try:
        return Scan(
            name=directory.resolve().name if record.name is None else record.name,
            views=views,
            category=record.category,
            anomalous=record.anomalous,
            ground_truth=None
            if ground_truth is None
            else file_beside(where, ground_truth, what="ground_truth"),
            root=directory,
            findings=tuple(findings),
        )
    except ModMapError as error:
        raise ModMapError(str(error) if str(where) in str(error) else f"{where}: {error}") from None


def write_scan(scan: Scan, directory: str | Path) -> None:
    """Writes a scan in the plain layout: depth as `.npy` in millimetres, images as PNG, then `scan.json`.

    The directory appears only when it is whole.

    Raises:
        ModMapError: the directory is in use, or a view cannot be loaded.
        FullDiskError: the disk is full.
    """
    content: dict[str, Any] = {}
    if scan.category is not None:
        content["category"] = scan.category
    if scan.anomalous is not None:
        content["anomalous"] = scan.anomalous
    rendered = [view.id for view in scan.views if view.far_is_background]
    write_views(
        [view.load for view in scan.views],
        directory,
        name=scan.name,
        content=content,
        ground_truth=scan.ground_truth,
        rendered=rendered,
    )


def write_views(
    views: Sequence[Callable[[], Frame]],
    directory: str | Path,
    *,
    name: str,
    content: Mapping[str, Any],
    ground_truth: Path | None = None,
    rendered: Collection[str] = (),
) -> None:
    """As `write_scan`, of views that are made one after the other.

    Args:
        views: Each gives one when it is called.
        directory: Where to.
        name: The scan's.
        content: What else `scan.json` says of it: its category, its label.
        ground_truth: File of the defect voxels.
        rendered: Ids of views that a renderer made, of whose depth the largest value is the background.

    Raises:
        ModMapError: the directory is in use, or as a view does.
        FullDiskError: the disk is full.
    """
    require_free(Path(directory))
    with atomic_directory(Path(directory)) as partial:
        (partial / "image").mkdir()
        (partial / "depth").mkdir()
        digits = max(2, len(str(len(views) - 1)))
        entries = []
        for index, made in enumerate(views):
            frame = made()
            number = f"{index:0{digits}d}"
            image, depth = f"image/{number}.png", f"depth/{number}.npy"
            pixels = frame.image if frame.colour is None else cv2.cvtColor(frame.colour, cv2.COLOR_RGB2BGR)
            written, png = cv2.imencode(".png", pixels)
            if not written:
                raise ModMapError(f"{directory}/{image}: cannot be written")
            write_bytes(partial / image, png.tobytes())
            entry = {"id": frame.id, "image": image, "depth": depth, **_camera_entry(frame)}
            stored = frame.depth
            if frame.id in rendered and (frame.depth == 0).any():
                stored = np.where(frame.depth > 0, frame.depth, np.float32(RENDERER_FAR))
                entry["far_is_background"] = True
            with telling(partial / depth):
                np.save(partial / depth, stored)
            entries.append(entry)
        said: dict[str, Any] = {"format": FORMAT, "name": name, "depth_unit": "mm", **content}
        if ground_truth is not None:
            said["ground_truth"] = ground_truth.name
            shutil.copyfile(ground_truth, partial / ground_truth.name)
        write_bytes(partial / SCAN, _as_json(said, entries).encode())


def _camera(entry: ViewRecord, *, where: str) -> tuple[Camera | None, str]:
    """The camera of a view, or what it lacks of one."""
    if entry.T_world_to_camera is not None and entry.T_camera_to_world is not None:
        raise ModMapError(f"{where}: expected T_world_to_camera or T_camera_to_world, found both")
    pose = entry.T_camera_to_world if entry.T_world_to_camera is None else entry.T_world_to_camera
    if entry.K is None or pose is None:
        lacks = [name for name, value in (("K", entry.K), ("pose", pose)) if value is None]
        return None, f"{SCAN} gives it no {' and no '.join(lacks)}"
    unit = NAMED_UNITS[entry.pose_unit]
    camera = build_camera(
        entry.K,
        where=where,
        T_world_to_camera=_scaled(entry.T_world_to_camera, unit),
        T_camera_to_world=_scaled(entry.T_camera_to_world, unit),
        size=entry.K_size,
        distortion=entry.distortion,
    )
    return camera, ""


def _scaled(pose: Matrix | None, unit: float) -> Matrix | None:
    """The pose with its translation in millimetres; shapes are the camera's business."""
    if pose is None or len(pose) != 4 or any(len(row) != 4 for row in pose):
        return pose
    return [[*row[:3], row[3] * unit] for row in pose[:3]] + [pose[3]]


def _view(
    entry: ViewRecord, *, scan: ScanRecord, directory: Path, camera: Camera | None, missing: str
) -> View:
    unit = entry.depth_unit or scan.depth_unit
    if unit is None:
        raise ModMapError(
            f'{directory / SCAN}: depth_unit: expected "mm", "m", "0.1mm" or millimetres per unit, for the '
            f"scan or for view {entry.id}, found none (it is never guessed)"
        )
    return View(
        id=entry.id,
        image=file_beside(directory / SCAN, entry.image, what=f"view {entry.id}: image"),
        depth=file_beside(directory / SCAN, entry.depth, what=f"view {entry.id}: depth"),
        camera=camera,
        depth_unit=unit,
        far_is_background=entry.far_is_background,
        depth_limit=entry.depth_limit or scan.depth_limit,
        camera_looked_for=missing,
    )


def file_beside(record: Path, name: str, *, what: str) -> Path:
    """The file that a record names, relative to its own place.

    Args:
        record: The file that names it; opens the error.
        name: As it stands there.
        what: Which of its entries.

    Raises:
        ModMapError: there is none.
    """
    # A letter with its mark, or the two apart: systems store names in either form.
    for stored in (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)):
        path = record.parent / stored
        try:
            if path.is_file():
                return path
        except OSError as error:  # a name that is too long
            raise ModMapError(
                f"{record}: {what}: expected a file, found {name[:60]!r}...: {error.strerror}"
            ) from None
    raise ModMapError(f"{record}: {what}: expected a file, found none at {record.parent / name}")


def _camera_entry(frame: Frame) -> dict[str, Any]:
    if frame.camera is None:
        return {}
    entry: dict[str, Any] = {"K": frame.camera.K.tolist(), "K_size": frame.camera.size}
    entry["T_world_to_camera"] = frame.camera.T_world_to_camera.tolist()
    if frame.camera.distortion is not None:
        entry["distortion"] = frame.camera.distortion.tolist()
    return entry


def _as_json(content: dict[str, Any], views: list[dict[str, Any]]) -> str:
    """JSON with a line per key, and a line per view."""
    head = "".join(f"  {json.dumps(key)}: {json.dumps(value)},\n" for key, value in content.items())
    lines = ",\n".join(f"    {json.dumps(view)}" for view in views)
    return f'{{\n{head}  "views": [\n{lines}\n  ]\n}}\n'
