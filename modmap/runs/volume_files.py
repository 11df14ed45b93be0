"""Anomaly volumes as files: `.npz` to read back, `.ply` for CloudCompare, `.vti` for ParaView."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from plyfile import PlyData, PlyElement
from pyevtk.vtk import VtkFile, VtkImageData

from modmap.drawing.colours import colourise
from modmap.errors import ModMapError, one_line
from modmap.files.archives import opened_npz
from modmap.files.atomic import atomic_file
from modmap.types import Array, VolumeFormat
from modmap.volume import MOST_VOXELS, AnomalyVolume, VoxelGrid

FORMATS: tuple[VolumeFormat, ...] = ("npz", "ply", "vti")
LAYERS_AT_ONCE = 16
POINT = [(axis, "<f4") for axis in ("x", "y", "z")] + [(colour, "u1") for colour in ("red", "green", "blue")]
SCORE = "score"


def write_volume(
    volume: AnomalyVolume,
    directory: str | Path,
    *,
    formats: Sequence[VolumeFormat] = FORMATS,
    scale_top: float | None = None,
    p_values: Array | None = None,
) -> list[Path]:
    """Writes `volume.npz`, `volume.ply` and `volume.vti`, or those asked for, into a directory.

    Args:
        volume: The volume.
        directory: Made where it is missing.
        formats: What to write.
        scale_top: Score with the last colour of the points in the `.ply`; the volume's own by default.
        p_values: As `save_volume`.

    Returns:
        The files, in the order of `formats`.

    Raises:
        ModMapError: a format isn't one of the three.
    """
    paths = [Path(directory) / f"volume.{suffix}" for suffix in formats]
    for path in paths:
        _check_suffix(path)
    for path in paths:
        save_volume(volume, path, scale_top=scale_top, p_values=p_values)
    return paths


def save_volume(
    volume: AnomalyVolume,
    path: str | Path,
    *,
    scale_top: float | None = None,
    name: str = SCORE,
    p_values: Array | None = None,
) -> None:
    """Writes a volume to one file, in the format of its suffix; no half a file is ever left.

    `.npz`: `scores` (X, Y, Z) float32, NaN where never seen; `origin` (3,) float64 and `voxel` float64, mm. This is
    what `load_volume` reads.

    `.ply`: binary; the centre of every observed voxel (mm) with a colour and the scalar `score`.

    `.vti`: an image of cells, origin and spacing in mm, with the cell arrays `score` float32, NaN where never seen,
    and `observed` uint8, 1 where seen: threshold by it.

    With p-values, `.ply` and `.vti` also have the scalar `p_value` float32, NaN where never seen.

    Args:
        volume: The volume.
        path: The file; its directory is made where it is missing.
        scale_top: Score with the last colour of the points in a `.ply`; the volume's own by default.
        name: Of the values in a `.ply` or `.vti`, where they are no scores.
        p_values: (X, Y, Z) of the voxels, from `Result.voxel_p_values`; None leaves them out.

    Raises:
        ModMapError: the suffix is none of the three.
    """
    path = Path(path)
    _check_suffix(path)
    fields = {name: volume.scores} if p_values is None else {name: volume.scores, "p_value": p_values}
    with atomic_file(path) as partial:
        if path.suffix == ".npz":
            _write_npz(volume, partial)
        elif path.suffix == ".ply":
            _write_ply(volume, partial, scale_top, fields)
        else:
            _write_vti(volume, partial, fields)


def load_volume(path: str | Path) -> AnomalyVolume:
    """Reads a volume that `save_volume` wrote as `.npz`.

    Raises:
        ModMapError: the file is missing, damaged, or not a volume.
    """
    path = Path(path)
    stored = _read_npz(path)
    missing = [key for key in ("scores", "origin", "voxel") if key not in stored]
    if missing:
        raise ModMapError(
            f"{path}: expected a volume with scores, origin and voxel, found no {', '.join(missing)} "
            f"(it has {', '.join(stored) or 'nothing'})"
        )
    scores, origin, voxel = stored["scores"], stored["origin"], stored["voxel"]
    if scores.ndim != 3 or scores.dtype.kind != "f":
        raise ModMapError(f"{path}: expected scores (X, Y, Z) of floats, found {scores.dtype} {scores.shape}")
    if origin.dtype.kind not in "fiu" or voxel.dtype.kind not in "fiu" or voxel.size != 1:
        raise ModMapError(
            f"{path}: expected origin (3,) and voxel of one number, found {origin.dtype} {origin.shape} and "
            f"{voxel.dtype} {voxel.shape}"
        )
    try:
        grid = VoxelGrid(origin, float(voxel.reshape(())), scores.shape)
    except ModMapError as error:
        raise ModMapError(f"{path}: {error}") from None
    return AnomalyVolume(grid, scores.astype(np.float32, copy=False))


def _check_suffix(path: Path) -> None:
    if path.suffix not in {f".{suffix}" for suffix in FORMATS}:
        raise ModMapError(
            f"{path}: expected a volume file (.npz, .ply or .vti), found {path.suffix or 'no suffix'}"
        )


def _read_npz(path: Path) -> dict[str, Array]:
    if not path.is_file():
        raise ModMapError(
            f"{path}: expected a volume, found {'a directory' if path.is_dir() else 'no such file'}"
        )
    try:
        with opened_npz(path, most_bytes=5 * MOST_VOXELS) as loaded:
            return {key: loaded[key] for key in loaded.files}
    except Exception as error:
        reason = one_line(error)
        raise ModMapError(f"{path}: expected a whole .npz file, found a damaged one ({reason})") from None


def _write_npz(volume: AnomalyVolume, path: Path) -> None:
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            scores=volume.scores.astype(np.float32, copy=False),
            origin=volume.grid.origin,
            voxel=np.float64(volume.grid.voxel),
        )


def _write_ply(
    volume: AnomalyVolume, path: Path, scale_top: float | None, fields: Mapping[str, Array]
) -> None:
    index = np.argwhere(volume.observed)
    scores = volume.scores[tuple(index.T)]
    if scale_top is None:
        scale_top = float(scores.max(initial=0.0))
    points = np.empty(len(index), dtype=np.dtype([*POINT, *((name, "<f4") for name in fields)]))
    points["x"], points["y"], points["z"] = volume.grid.centres(index).T
    points["red"], points["green"], points["blue"] = colourise(scores, scale_top).T
    for name, values in fields.items():
        points[name] = values[tuple(index.T)]
    what = "anomaly volume" if SCORE in fields else next(iter(fields))
    comments = [f"{what}: centres of the observed voxels", f"unit mm, voxel {volume.grid.voxel:g} mm"]
    PlyData([PlyElement.describe(points, "vertex")], byte_order="<", comments=comments).write(str(path))


def _write_vti(volume: AnomalyVolume, path: Path, fields: Mapping[str, Array]) -> None:
    grid = volume.grid
    arrays: dict[str, Array] = {
        **{name: values.astype(np.float32, copy=False) for name, values in fields.items()},
        "observed": volume.observed.view(np.uint8),
    }
    cells = int(np.prod(grid.shape))
    file = VtkFile(str(path.with_suffix("")), VtkImageData)
    with closing(file.xml.stream) as stream:
        # Python floats: pyevtk writes the repr of each number, and NumPy 2 spells its own "np.float64(...)".
        extent: dict[str, Any] = {"start": (0, 0, 0), "end": grid.shape}
        file.openGrid(**extent, origin=grid.origin.tolist(), spacing=[float(grid.voxel)] * 3)
        file.openPiece(**extent)
        file.openData("Cell", scalars=next(iter(fields)))
        for called, array in arrays.items():
            file.addHeader(called, array.dtype.name, cells, 1)
        file.closeData("Cell")
        file.closePiece()
        file.closeGrid()
        for array in arrays.values():
            # pyevtk's own appendData makes a Python object of every voxel: gigabytes for a large part.
            file.appendHeader(array.dtype.name, cells, 1)
            for low in range(0, grid.shape[2], LAYERS_AT_ONCE):
                stream.write(array[:, :, low : low + LAYERS_AT_ONCE].tobytes(order="F"))
        file.save()
