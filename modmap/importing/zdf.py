"""Zivid's frames (`.zdf`): a netCDF 4 file, which is HDF5, with a point and a colour for every pixel; millimetres."""

from __future__ import annotations

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
    package = reader_package("h5py", extra="pointclouds", path=path)
    with _Opened(package, path) as file:
        file.shape()
    return CloudFile(path, path.stem, partial(_read, path), unit=MILLIMETRES)


class _Opened:
    """The file while it is open; what its library raises is told in one line."""

    def __init__(self, package: Any, path: Path) -> None:
        self._package, self._path = package, path

    def __enter__(self) -> _Opened:
        try:
            self._file = self._package.File(self._path, "r")
        except OSError as error:
            raise ModMapError(
                f"{self._path}: expected a Zivid frame, found a damaged file ({cause(error)})"
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def shape(self) -> tuple[int, int]:
        """(H, W), which memory may be taken for."""
        found = self._data(POINTS)
        if found is None:
            raise ModMapError(
                f"{self._path}: expected {POINTS}, found {', '.join(self._names()) or 'nothing'}"
            )
        if len(found.shape) != 3 or found.shape[2] != 3 or found.dtype.kind != "f":
            raise ModMapError(
                f"{self._path}: expected {POINTS} of x, y and z of every pixel, (H, W, 3) floats, found {found.dtype} "
                f"{found.shape}"
            )
        height, width = found.shape[:2]
        require_organised(self._path, width=width, height=height, points=height * width)
        return height, width

    def read(self, name: str, *, sides: tuple[int, int]) -> Array | None:
        """All of an array of that height and width; None where there is none."""
        data = self._data(name)
        if data is None:
            return None
        if len(data.shape) != 3 or data.shape[:2] != sides or data.shape[2] > 4:
            raise ModMapError(
                f"{self._path}: expected {name} of the points' size, {sides}, found {data.shape}"
            )
        try:
            return np.asarray(data[...])
        except (OSError, ValueError, RuntimeError) as error:
            raise ModMapError(f"{self._path}: {name}: cannot be read: {cause(error)}") from None

    def _data(self, name: str) -> Any:
        try:
            found = self._file.get(name)
        except (KeyError, OSError, RuntimeError, ValueError) as error:
            raise ModMapError(f"{self._path}: {name}: cannot be read: {cause(error)}") from None
        return found if isinstance(found, self._package.Dataset) else None

    def _names(self) -> list[str]:
        names: list[str] = []
        self._file.visit(names.append)
        return names[:10]


def _read(path: Path) -> Cloud:
    package = reader_package("h5py", extra="pointclouds", path=path)
    with _Opened(package, path) as file:
        height, width = sides = file.shape()
        points, colours = file.read(POINTS, sides=sides), file.read(COLOURS, sides=sides)
    assert points is not None
    image = None
    if colours is not None:
        if colours.dtype != np.uint8 or colours.shape[2] < 3:
            raise ModMapError(
                f"{path}: expected {COLOURS} of red, green and blue bytes, found {colours.dtype}"
            )
        image = np.ascontiguousarray(colours[..., 2::-1])
    return Cloud(organised(points.reshape(-1, 3).T, width=width, height=height), image)
