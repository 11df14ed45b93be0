"""E57 files (ASTM E2807), read by pye57: several scans, each with its pose, its points with the row and column "
"of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from modmap.errors import ModMapError
from modmap.files.container_limits import cause
from modmap.importing.cloud import (
    MOST_POINTS,
    Cloud,
    CloudFile,
    intensity_image,
    require_bytes,
    require_organised,
)
from modmap.importing.packages import reader_package
from modmap.types import Array

METRES = 1000.0
CARTESIAN = ("cartesianX", "cartesianY", "cartesianZ")
SPHERICAL = ("sphericalRange", "sphericalAzimuth", "sphericalElevation")
GRID = ("rowIndex", "columnIndex")
COLOURS = ("colorBlue", "colorGreen", "colorRed")
INVALID = ("cartesianInvalidState", "sphericalInvalidState")


def e57_files(path: Path) -> list[CloudFile]:
    """The scans of an E57 file as views, of which the headers are read; they are called 00, 01 and so on.

    Lengths are in metres, as the format says; a scan's pose carries its points into the file's world.

    Raises:
        ModMapError: the file is missing, damaged, or has no scan; a scan has no points, or no row and column of them;
            it is larger than a view can be; or pye57 isn't installed.
    """
    with _opened(path) as file:
        count = file.scan_count
        if not count:
            raise ModMapError(f"{path}: expected at least one scan, found none")
        digits = max(2, len(str(count - 1)))
        found = []
        for index in range(count):
            header = file.get_header(index)
            _require_structured(header, path, index)
            found.append(
                CloudFile(
                    path, f"{index:0{digits}d}", partial(_read, path, index), pose=_pose(header), unit=METRES
                )
            )
    return found


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file while it is open; what its library raises is told in one line."""
    package = reader_package("pye57", extra="pointclouds", path=path)
    if not path.is_file():
        raise ModMapError(f"{path}: expected a file, found {'a directory' if path.is_dir() else 'none'}")
    try:
        file = package.E57(str(path))
    except Exception as error:  # the library's own, of which pye57 names no class
        raise ModMapError(f"{path}: expected an E57 file, found a damaged one ({_reason(error)})") from None
    try:
        yield file
    except ModMapError:
        raise
    except Exception as error:
        raise ModMapError(
            f"{path}: expected a whole E57 file, found a damaged one ({_reason(error)})"
        ) from None
    finally:
        file.close()


def _reason(error: Exception) -> str:
    """What libE57 says, without where in its own code."""
    return cause(error).partition(" ****")[0]


def _require_structured(header: Any, path: Path, index: int) -> None:
    fields = header.point_fields
    if not set(GRID) <= set(fields):
        raise ModMapError(
            f"{path}: scan {index}: expected a structured scan, whose points have {' and '.join(GRID)}, found "
            f"{', '.join(fields) or 'no fields'}: export it structured (also called organised, or gridded)"
        )
    if not (set(CARTESIAN) <= set(fields) or set(SPHERICAL) <= set(fields)):
        raise ModMapError(f"{path}: scan {index}: expected {', '.join(CARTESIAN)}, found {', '.join(fields)}")
    count = int(header.point_count)
    if count > MOST_POINTS:
        raise ModMapError(f"{path}: scan {index}: expected at most {MOST_POINTS} points, found {count}")
    require_bytes(path, least=count, found=path.stat().st_size)


def _pose(header: Any) -> Array:
    pose: Array = np.eye(4)
    if header.has_pose():
        pose[:3, :3] = header.rotation_matrix
        pose[:3, 3] = header.translation
    return pose


def _read(path: Path, index: int) -> Cloud:
    with _opened(path) as file:
        header = file.get_header(index)
        data = file.read_scan_raw(index, ignore_unsupported_fields=True)
        sizes = [_side(header, name) for name in ("row", "column")]
    rows, columns = (data[name].astype(np.int64) for name in GRID)
    sides = []
    for place, said in zip((rows, columns), sizes, strict=True):
        first, count = said if said is not None else (0, 0)
        first = min(first, int(place.min(initial=first)))
        place -= first
        sides.append(max(count, int(place.max(initial=0)) + 1))
    height, width = sides
    require_organised(path, width=width, height=height, points=width * height)
    measured = np.ones(len(rows), dtype=bool)
    for name in INVALID:
        if name in data:
            measured &= data[name] == 0
    pixel = (rows * width + columns)[measured]
    if len(np.unique(pixel)) != len(pixel):
        raise ModMapError(
            f"{path}: scan {index}: expected one point a pixel, found {len(pixel)} points of "
            f"{len(np.unique(pixel))} pixels"
        )
    flat = np.full((height * width, 3), np.nan)
    flat[pixel] = _points(data)[measured]
    image, notes = _image(data)
    if image is not None:
        whole = np.zeros((height * width, *image.shape[1:]), dtype=image.dtype)
        whole[rows * width + columns] = image
        image = whole.reshape(height, width, *image.shape[1:])
    return Cloud(flat.reshape(height, width, 3), image, notes)


def _side(header: Any, name: str) -> tuple[int, int] | None:
    """The first index of a side and how many there are, where the file says it."""
    bounds = header.node["indexBounds"] if header.node.isDefined("indexBounds") else None
    if bounds is None or not all(bounds.isDefined(f"{name}{end}") for end in ("Minimum", "Maximum")):
        return None
    low, high = (int(bounds[f"{name}{end}"].value()) for end in ("Minimum", "Maximum"))
    return low, high - low + 1


def _points(data: dict[str, Array]) -> Array:
    """(N, 3) x, y, z; of spherical coordinates as the standard has them, the elevation from the xy plane."""
    if set(CARTESIAN) <= set(data):
        return np.stack([data[name] for name in CARTESIAN], axis=-1).astype(np.float64)
    distance, azimuth, elevation = (data[name].astype(np.float64) for name in SPHERICAL)
    flat = distance * np.cos(elevation)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), distance * np.sin(elevation)], axis=-1)


def _image(data: dict[str, Array]) -> tuple[Array | None, tuple[str, ...]]:
    if set(COLOURS) <= set(data):
        return np.stack([data[name] for name in COLOURS], axis=-1), ()
    if "intensity" in data:
        return intensity_image(data["intensity"])
    return None, ()
