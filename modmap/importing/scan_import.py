"""A scan made of what other programs stored, whichever format that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from modmap.datasets import load_scan
from modmap.datasets.opencv_cameras import read_matrices
from modmap.datasets.sim3d import natural_key
from modmap.errors import ModMapError
from modmap.importing.cloud import CloudFile
from modmap.importing.cloud_views import CloudViews
from modmap.importing.colmap import is_sparse_model
from modmap.importing.colmap_views import colmap_views
from modmap.importing.e57 import e57_files
from modmap.importing.pcd import pcd_file
from modmap.importing.ply import ply_file
from modmap.importing.recording_views import recording_views
from modmap.importing.zdf import zdf_file
from modmap.scan import Frame
from modmap.types import Array

ONE_VIEW: Mapping[str, Callable[[Path], CloudFile]] = {".pcd": pcd_file, ".ply": ply_file, ".zdf": zdf_file}
SEVERAL_VIEWS: Mapping[str, Callable[[Path], list[CloudFile]]] = {".e57": e57_files}
SUFFIXES = (*ONE_VIEW, *SEVERAL_VIEWS)
RECORDING = ".bag"
KNOWN = f"{', '.join(SUFFIXES)}, a folder of such files, {RECORDING}, or a COLMAP model's folder"


@dataclass(frozen=True)
class ImportChoices:
    """What the files don't say of themselves.

    Attributes:
        unit: Millimetres per unit of the clouds, or of the depth maps beside a COLMAP model.
        poses: A scan with views of the same names, or a text file with a 4x4 matrix a line, which carries a view's
            points into the world.
        pose_unit: Millimetres per unit of that file's translations, or of a COLMAP model.
        images: A directory with an image for every view.
        depth: A directory with a depth map for every photograph of a COLMAP model.
        numbered: Views are called 00, 01 and so on, in the files' order; else as the files.
        frames: Of a recording, which are views.
        topics: Of a recording's depth and image; none: the one pair of the same camera.
    """

    unit: float | None = None
    poses: Path | None = None
    pose_unit: float | None = None
    images: Path | None = None
    depth: Path | None = None
    numbered: bool = False
    frames: tuple[int, ...] = ()
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ImportedScan:
    """The views of a scan that is being made.

    Attributes:
        views: Each reads its file and gives its frame when it is called.
        notes: What a person should know, one line each; all there once every view was called.
    """

    views: Sequence[Callable[[], Frame]]
    notes: list[str] = field(default_factory=list)


def import_views(sources: Sequence[Path], choices: ImportChoices) -> ImportedScan:
    """Opens the files of a scan; what is large in them is read as each view is asked for.

    Args:
        sources: Files with a view each, or one with several, or a folder of files, or one with a COLMAP model.
        choices: What the files don't say.

    Raises:
        ModMapError: a file can't be used, or lacks what isn't in `choices` either.
    """
    for source in sources:
        if not source.exists():
            raise ModMapError(f"{source}: expected {KNOWN}, found none")
    if any(source.is_dir() and is_sparse_model(source) for source in sources):
        return _photographs(sources, choices)
    if choices.depth is not None:
        raise ModMapError(f"--depth: expected a COLMAP model, whose depth maps these are, found {sources[0]}")
    recorded = [source for source in sources if source.suffix.lower() == RECORDING]
    if recorded:
        return _recording(sources, choices)
    if choices.frames or choices.topics:
        raise ModMapError(f"--frames, --topics: expected a recording ({RECORDING}), found {sources[0]}")
    files = _cloud_files(sources)
    if choices.numbered:
        digits = max(2, len(str(len(files) - 1)))
        names = [f"{index:0{digits}d}" for index in range(len(files))]
        files = [replace(file, view_id=name) for file, name in zip(files, names, strict=True)]
    _require_names(files)
    poses = None if choices.poses is None else _poses(choices, [file.view_id for file in files])
    notes: list[str] = []
    made = CloudViews(files, unit=choices.unit, poses=poses, images=choices.images, notes=notes)
    return ImportedScan([partial(made.frame, file) for file in files], notes)


def _recording(sources: Sequence[Path], choices: ImportChoices) -> ImportedScan:
    if len(sources) > 1 or choices.images is not None:
        raise ModMapError(f"{sources[0]}: expected one recording, whose images are in it, and nothing else")
    names = [f"{index:0{max(2, len(str(len(choices.frames) - 1)))}d}" for index in range(len(choices.frames))]
    poses = None if choices.poses is None else _poses(choices, names)
    notes: list[str] = []
    views = recording_views(
        sources[0], choices.frames, topics=choices.topics, unit=choices.unit, poses=poses, notes=notes
    )
    return ImportedScan(views, notes)


def _photographs(sources: Sequence[Path], choices: ImportChoices) -> ImportedScan:
    if len(sources) > 1:
        raise ModMapError(
            f"{sources[1]}: expected one COLMAP model and nothing else, found {len(sources)} sources"
        )
    given = {"--images": choices.images, "--depth": choices.depth, "--unit": choices.unit}
    missing = [name for name, value in given.items() if value is None]
    if missing or choices.images is None or choices.depth is None or choices.unit is None:
        raise ModMapError(
            f"{sources[0]}: expected the photographs, the depth maps and the depth's unit beside a COLMAP "
            "model, found no "
            f"{', no '.join(missing)}"
        )
    if choices.poses is not None or choices.numbered:
        raise ModMapError(
            f"{sources[0]}: expected neither --poses nor --numbered beside a COLMAP model, which has both"
        )
    views, notes = colmap_views(
        sources[0],
        images=choices.images,
        depth=choices.depth,
        depth_unit=choices.unit,
        scale=choices.pose_unit,
    )
    return ImportedScan([view.load for view in views], list(notes))


def _cloud_files(sources: Sequence[Path]) -> list[CloudFile]:
    paths: list[Path] = []
    for source in sources:
        if source.is_dir():
            found = [path for path in source.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()]
            kinds = sorted({path.suffix.lower() for path in found})
            if len(kinds) != 1:
                raise ModMapError(
                    f"{source}: expected files of one kind of {', '.join(SUFFIXES)}, found "
                    f"{' and '.join(kinds) or 'none'}"
                )
            paths.extend(sorted(found, key=lambda path: natural_key(path.name)))
        else:
            paths.append(source)
    files: list[CloudFile] = []
    for path in paths:
        kind = path.suffix.lower()
        if kind in ONE_VIEW:
            files.append(ONE_VIEW[kind](path))
        elif kind in SEVERAL_VIEWS:
            files.extend(SEVERAL_VIEWS[kind](path))
        else:
            raise ModMapError(f"{path}: expected {KNOWN}, found {kind or 'no suffix'}")
    return files


def _require_names(files: Sequence[CloudFile]) -> None:
    names = [file.view_id for file in files]
    repeated = next((file for file in files if names.count(file.view_id) > 1), None)
    if repeated is not None:
        raise ModMapError(
            f"{repeated.path}: expected files of different names, as views are called by them, found "
            f"{repeated.view_id} "
            "twice: count them with --numbered"
        )


def _poses(choices: ImportChoices, view_ids: Sequence[str]) -> dict[str, Array]:
    """What carries each view's points into the world, mm."""
    path = choices.poses
    assert path is not None
    if path.is_dir():
        scan = load_scan(path)
        found = {}
        for view_id in view_ids:
            camera = scan[view_id].camera if view_id in scan.view_ids else None
            if camera is None:
                raise ModMapError(
                    f"{path}: expected a camera of view {view_id}, found views {', '.join(scan.view_ids)}"
                    if view_id not in scan.view_ids
                    else f"{path}: expected a camera of view {view_id}, found none"
                )
            found[view_id] = camera.T_camera_to_world
        return found
    if not path.is_file():
        raise ModMapError(f"{path}: expected a scan, or a file with the pose of every view, found none")
    if choices.pose_unit is None:
        raise ModMapError(
            f"{path}: expected the unit of its translations, which it doesn't say, found none: name it with "
            "--pose-unit (m, "
            "mm, or millimetres per unit)"
        )
    matrices = read_matrices(path)
    if len(matrices) != len(view_ids):
        raise ModMapError(f"{path}: expected {len(view_ids)} poses, one per view, found {len(matrices)}")
    matrices[:, :3, 3] *= choices.pose_unit
    if not np.isfinite(matrices).all():
        raise ModMapError(f"{path}: expected finite numbers, found NaN or infinity")
    return dict(zip(view_ids, matrices, strict=True))
