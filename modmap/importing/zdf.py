"""Zivid's frames (`.zdf`): a netCDF 4 file, which is HDF5, with a point and a colour for every pixel; millimetres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from modmap.errors import ModMapError
from modmap.files.container_limits import cause
from modmap.importing.cloud import Cloud, CloudFile, organised, require_organised
from modmap.importing.packages import reader_package
from modmap.types import Array

POINTS, COLOURS = "data/pointcloud", "data/rgba_image"
MILLIMETRES = 1.0


def zdf_file(path: Path) -> CloudFile:
    """A view that a Zivid frame holds, of which the shapes are read.

    Its points are in the camera's frame, in millimetres; no pose is in it.

    Raises:
        ModMapError: the file is missing, damaged, larger than a view can be, or has no points; or h5py isn't installed.
    """
    with _opened(path) as file:
        _sides(file, path)
    return CloudFile(path, path.stem, partial(_read, path), unit=MILLIMETRES)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file while it is open; what its library raises is told in one line."""
    package = reader_package("h5py", extra="pointclouds", path=path)
    try:
        with package.File(path, "r") as file:
            yield file
    except ModMapError:
        raise
    except Exception as error:  # of a damaged file the library raises many kinds
        raise ModMapError(
            f"{path}: expected a whole Zivid frame, found a damaged file ({cause(error)})"
        ) from None


def _sides(file: Any, path: Path) -> tuple[int, int]:
    """(H, W), which memory may be taken for."""
    found = file.get(POINTS)
    if not hasattr(found, "shape"):
        names: list[str] = []
        file.visit(names.append)
        raise ModMapError(f"{path}: expected {POINTS}, found {', '.join(names[:10]) or 'nothing'}")
    if len(found.shape) != 3 or found.shape[2] != 3 or found.dtype.kind != "f":
        raise ModMapError(
            f"{path}: expected {POINTS} of x, y and z of every pixel, (H, W, 3) floats, found {found.dtype} "
            f"{found.shape}"
        )
    height, width = found.shape[:2]
    require_organised(path, width=width, height=height, points=height * width)
    return height, width


def _read(path: Path) -> Cloud:
    with _opened(path) as file:
        height, width = sides = _sides(file, path)
        points = np.asarray(file[POINTS][...])
        image = _colours(file.get(COLOURS), sides, path)
    return Cloud(organised(points.reshape(-1, 3).T, width=width, height=height), image)


def _colours(found: Any, sides: tuple[int, int], path: Path) -> Array | None:
    """(H, W, 3), blue first; None where there are none."""
    if not hasattr(found, "shape"):
        return None
    if found.dtype != np.uint8 or found.shape not in ((*sides, 3), (*sides, 4)):
        raise ModMapError(
            f"{path}: expected {COLOURS} of the points' size, {(*sides, 4)} bytes, found {found.dtype} {found.shape}"
        )
    return np.ascontiguousarray(np.asarray(found[...])[..., 2::-1])
