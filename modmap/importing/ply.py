"""Organised PLY files: with a `range_grid`, as Stanford's scanners and PCL write them, or with a point for "
"every pixel."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from plyfile import PlyData, PlyListProperty, PlyParseError

from modmap.errors import ModMapError
from modmap.files.container_limits import cause
from modmap.importing.cloud import (
    Cloud,
    CloudFile,
    image_of,
    organised,
    require_bytes,
    require_organised,
)
from modmap.types import Array

COLUMNS = re.compile(r"num_cols\s+(\d+)|width\s*[ =]\s*(\d+)", re.IGNORECASE)
ROWS = re.compile(r"num_rows\s+(\d+)|height\s*[ =]\s*(\d+)", re.IGNORECASE)
COLOURS = (("blue", "green", "red"), ("b", "g", "r"), ("diffuse_blue", "diffuse_green", "diffuse_red"))
INTENSITIES = ("intensity", "scalar_intensity", "gray", "grey")
GRID = "range_grid"
LONGEST_LINE, MOST_LINES, MOST_DIGITS = 4096, 1000, 18
BYTES = {
    **dict.fromkeys(("char", "uchar", "int8", "uint8"), 1),
    **dict.fromkeys(("short", "ushort", "int16", "uint16"), 2),
    **dict.fromkeys(("int", "uint", "int32", "uint32", "float", "float32"), 4),
    **dict.fromkeys(("double", "float64"), 8),
}


@dataclass
class _Element:
    """Of a header: how many there are, and the least bytes that one needs."""

    count: int
    properties: list[str]
    binary: int = 0
    text: int = 0


@dataclass
class _Header:
    elements: dict[str, _Element]
    said: list[str]
    text: bool
    width: int = 0
    height: int = 0


def ply_file(path: Path) -> CloudFile:
    """A view that a PLY file holds, of which the header is read.

    Its size is said by lines `obj_info num_cols` and `num_rows` (or comments `width` and `height`); its points are
    those that its `range_grid` names for each pixel, or, without one, a point for every pixel in row order. Neither
    unit nor pose are in such a file.

    Raises:
        ModMapError: the file is missing, damaged, larger than a view can be, or not organised; it has no x, y and z.
    """
    try:
        with path.open("rb") as file:
            header = _header(file, path)
            left = path.stat().st_size - file.tell()
    except OSError as error:
        raise ModMapError(f"{path}: cannot be read: {error.strerror}") from None
    _require_sides(header, path)
    least = sum(one.count * (one.text if header.text else one.binary) for one in header.elements.values())
    require_bytes(path, least=least, found=left)
    return CloudFile(path, path.stem, partial(_read, path, header))


def _header(file: BinaryIO, path: Path) -> _Header:
    """What the file says of itself; the file is then at its first element. plyfile allots before it can be asked."""
    header = _Header({}, [], text=True)
    for number in range(MOST_LINES):
        line = file.readline(LONGEST_LINE)
        words = line.decode(errors="replace").split()
        if not line.endswith(b"\n") or (number == 0 and words != ["ply"]):
            break
        if words[:1] == ["end_header"]:
            return header
        if not _told(header, words):
            raise ModMapError(f"{path}: expected a PLY file's header, found {' '.join(words)[:60]!r} in it")
    raise ModMapError(f"{path}: expected a PLY file's header, from ply to end_header, found none")


def _told(header: _Header, words: list[str]) -> bool:
    """Takes up a line of a header: whether it is one."""
    match words:
        case ["format", kind, _]:
            header.text = kind == "ascii"
        case ["comment" | "obj_info", *said]:
            header.said.append(" ".join(said))
        case ["element", name, count] if count.isdecimal() and len(count) <= MOST_DIGITS:
            header.elements[name] = _Element(int(count), [])
        case ["property", "list", length, kind, name] if header.elements and {length, kind} <= set(BYTES):
            _add(list(header.elements.values())[-1], name, BYTES[length])
        case ["property", kind, name] if header.elements and kind in BYTES:
            _add(list(header.elements.values())[-1], name, BYTES[kind])
        case ["ply"] | []:
            pass
        case _:
            return False
    return True


def _add(element: _Element, name: str, least: int) -> None:
    element.properties.append(name)
    element.binary += least
    element.text += 2  # a digit, and what parts it from the next


def _require_sides(header: _Header, path: Path) -> None:
    """Takes up width and height, which must agree with the number of points."""
    vertices = header.elements.get("vertex")
    if vertices is None:
        raise ModMapError(f"{path}: expected vertices, found {', '.join(header.elements) or 'no element'}")
    if not set("xyz") <= set(vertices.properties):
        raise ModMapError(
            f"{path}: expected properties x, y and z, found {', '.join(vertices.properties) or 'none'}"
        )
    sides = []
    for pattern in (COLUMNS, ROWS):
        found = [match for line in header.said if (match := pattern.search(line))]
        digits = next(one for one in found[0].groups() if one) if found else "0"
        sides.append(int(digits[:MOST_DIGITS]))
    if 0 in sides:
        raise ModMapError(
            f"{path}: expected an organised cloud, with obj_info num_cols and num_rows, found {vertices.count} "
            "points in "
            "no order: export it organised, as PCD for instance"
        )
    counted = header.elements.get(GRID, vertices).count
    require_organised(path, width=sides[0], height=sides[1], points=counted)
    if vertices.count > counted:
        raise ModMapError(f"{path}: expected at most {counted} points, one a pixel, found {vertices.count}")
    header.width, header.height = sides


def _read(path: Path, header: _Header) -> Cloud:
    width, height = header.width, header.height
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of empty lists in text
            # What is only mapped can't be read where another program shortens the file.
            data = PlyData.read(str(path), mmap=False)
        vertices = data["vertex"].data
        listed = [one.name for one in data["vertex"].properties if isinstance(one, PlyListProperty)]
        if listed:
            raise ModMapError(
                f"{path}: expected a number for every property of a point, found a list ({listed[0]})"
            )
        pixels = _pixels(data, path, width * height)
    except ModMapError:
        raise
    except (PlyParseError, ValueError, OverflowError, RuntimeError, KeyError) as error:
        raise ModMapError(
            f"{path}: expected a whole PLY file, found a damaged one ({cause(error)})"
        ) from None
    there = pixels >= 0

    def spread(values: Array) -> Array:
        whole = np.zeros((width * height, *values.shape[1:]), dtype=values.dtype)
        whole[there] = values[pixels[there]]
        return whole

    image, notes = image_of(vertices, colours=COLOURS, intensities=INTENSITIES)
    if image is not None:
        image = spread(image).reshape(height, width, *image.shape[1:])
    points = organised([spread(vertices[name]) for name in "xyz"], width=width, height=height)
    points.reshape(-1, 3)[~there] = np.nan
    return Cloud(points, image, notes)


def _pixels(data: PlyData, path: Path, count: int) -> Array:
    """(count,) the vertex of every pixel; -1 of those that have none."""
    vertices = data["vertex"].count
    if GRID not in data:
        return np.arange(count)
    kinds = data[GRID].properties
    if (
        not kinds
        or not isinstance(kinds[0], PlyListProperty)
        or np.dtype(kinds[0].val_dtype).kind not in "iu"
    ):
        raise ModMapError(f"{path}: expected a {GRID} of lists of whole numbers, found another kind")
    found = np.full(count, -1, dtype=np.int64)
    for pixel, (listed, *_) in enumerate(data[GRID].data):
        if len(listed):
            found[pixel] = listed[0]
    if found.max(initial=-1) >= vertices or found.min(initial=0) < -1:
        raise ModMapError(f"{path}: expected a {GRID} of vertices up to {vertices - 1}, found {found.max()}")
    return found
