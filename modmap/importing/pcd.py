"""PCL's point cloud files (`.pcd`, version 0.7), read by pypcd4: text, binary and compressed."""

from __future__ import annotations

import struct
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from scipy.spatial.transform import Rotation

from modmap.errors import ModMapError
from modmap.files.container_limits import cause
from modmap.importing.cloud import (
    Cloud,
    CloudFile,
    image_of,
    organised,
    packed_colours,
    require_bytes,
    require_organised,
)
from modmap.importing.packages import reader_package
from modmap.types import Array

ENTRIES = ("VERSION", "FIELDS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT", "VIEWPOINT", "POINTS", "DATA")
LONGEST_HEADER = 1 << 16  # bytes
SHORTEST_NUMBER = 2  # bytes of text: a digit and what parts it from the next
SIZES = struct.Struct("<II")  # compressed and uncompressed bytes
LARGEST_POINT = 1024  # bytes
COLOURS = (("b", "g", "r"), ("blue", "green", "red"))
INTENSITIES = ("intensity", "i", "gray", "grey")


def pcd_file(path: Path) -> CloudFile:
    """A view that a PCD file holds, of which the header is read.

    Its VIEWPOINT is the camera's pose where it isn't the identity, which it is where nobody has set one. The unit isn't
    in such a file.

    Raises:
        ModMapError: the file is missing, damaged, larger than a view can be, or not organised; it has no x, y and z; or
            pypcd4 isn't installed.
    """
    package = reader_package("pypcd4", extra="pointclouds", path=path)
    with _opened(path) as file:
        header = _header(package, file, path)
        _require_data(header, file, path)
    return CloudFile(path, path.stem, partial(_read, path), _viewpoint(header, path), pose_of_camera=True)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ModMapError(f"{path}: cannot be read: {error.strerror}") from None


def _header(package: Any, file: BinaryIO, path: Path) -> Any:
    """What the file says of its points; the file is then at the first of them."""
    lines: list[str] = []
    while not lines or not lines[-1].startswith("DATA"):
        line = file.readline(LONGEST_HEADER)
        if not line.endswith(b"\n") or file.tell() > LONGEST_HEADER or len(lines) == len(ENTRIES):
            raise ModMapError(
                f"{path}: expected a PCD file's header, {' '.join(ENTRIES[:2])} to {ENTRIES[-1]}, found another "
                "beginning"
            )
        entry = line.decode(errors="replace").strip()
        if entry and not entry.startswith("#"):
            lines.append(entry)
    try:
        header = package.MetaData.parse_header(lines)
    except (
        LookupError,
        TypeError,
        ValueError,
    ) as error:  # also pydantic's, of which the first line names a class
        raise ModMapError(
            f"{path}: expected a PCD file's header, found a broken one ({_first(error)})"
        ) from None
    numbers = {name: len(getattr(header, name)) for name in ("fields", "size", "type", "count")}
    if len(set(numbers.values())) > 1:
        found = ", ".join(f"{count} of {name.upper()}" for name, count in numbers.items())
        raise ModMapError(f"{path}: expected FIELDS, SIZE, TYPE and COUNT of one length, found {found}")
    single = [name for name, count in zip(header.fields, header.count, strict=True) if count == 1]
    missing = [name for name in "xyz" if name not in single]
    if missing:
        fields = ", ".join(name for name in header.fields if name.isidentifier()) or "none"
        raise ModMapError(f"{path}: expected fields x, y and z, found {fields}")
    return header


def _require_data(header: Any, file: BinaryIO, path: Path) -> None:
    """Checks what the header says against the file's length: nothing is allotted for points that aren't there."""
    require_organised(path, width=header.width, height=header.height, points=header.points)
    numbers = sum(header.count)
    if numbers > LARGEST_POINT:
        raise ModMapError(f"{path}: expected at most {LARGEST_POINT} numbers a point, found {numbers}")
    try:
        point = header.build_dtype().itemsize
    except (KeyError, TypeError, ValueError) as error:
        raise ModMapError(
            f"{path}: expected types F, U and I of 1 to 8 bytes, each field once, found {cause(error)}"
        ) from None
    left = path.stat().st_size - file.tell()
    kind = header.data.value
    if kind == "ascii":
        require_bytes(path, least=header.points * numbers * SHORTEST_NUMBER - 1, found=left)
    elif kind == "binary":
        require_bytes(path, least=header.points * point, found=left)
    else:
        require_bytes(path, least=SIZES.size, found=left)
        stored, whole = SIZES.unpack(file.read(SIZES.size))
        require_bytes(path, least=stored, found=left - SIZES.size)
        if whole != header.points * point:
            raise ModMapError(
                f"{path}: expected {header.points * point} bytes of points in compressed form, found {whole}"
            )


def _read(path: Path) -> Cloud:
    package = reader_package("pypcd4", extra="pointclouds", path=path)
    try:
        with _opened(path) as file:
            found = package.PointCloud.from_fileobj(file)
    except (ValueError, OverflowError, RuntimeError, TypeError, struct.error) as error:
        raise ModMapError(
            f"{path}: expected a whole PCD file, found a damaged one ({_first(error)})"
        ) from None
    header, data = found.metadata, found.pc_data
    if data.shape != (header.points,):
        raise ModMapError(
            f"{path}: truncated: expected {header.points} points, found {len(np.atleast_1d(data))}"
        )
    size = {"width": header.width, "height": header.height}
    image, notes = _image(data)
    if image is not None:
        image = image.reshape(header.height, header.width, *image.shape[1:])
    return Cloud(organised([data[name] for name in "xyz"], **size), image, notes)


def _image(data: Array) -> tuple[Array | None, tuple[str, ...]]:
    """Colour where there is any, else intensity."""
    names = data.dtype.names or ()
    for name in ("rgb", "rgba"):
        if name in names and data.dtype[name].itemsize == 4:
            return packed_colours(data[name]), ()
    return image_of(data, colours=COLOURS, intensities=INTENSITIES)


def _viewpoint(header: Any, path: Path) -> Array | None:
    """(4, 4) camera to world, in the file's unit, of a translation and a quaternion w x y z; None of the identity."""
    numbers = np.array(header.viewpoint, dtype=np.float64)
    if not np.isfinite(numbers).all() or not numbers[3:].any():
        raise ModMapError(
            f"{path}: expected a VIEWPOINT of three numbers and a quaternion, found "
            f"{' '.join(f'{n:g}' for n in numbers)}"
        )
    pose: Array = np.eye(4)
    pose[:3, :3] = Rotation.from_quat(np.roll(numbers[3:], -1)).as_matrix()
    pose[:3, 3] = numbers[:3]
    return None if np.array_equal(pose, np.eye(4)) else pose


def _first(error: Exception) -> str:
    """What pydantic says of the first mistake, after the class and the key; of other errors, all that they say."""
    errors = getattr(error, "errors", None)
    if callable(errors) and (mistakes := errors()):
        return f"{'.'.join(map(str, mistakes[0]['loc']))}: {mistakes[0]['msg']}"
    return cause(error)
