"""COLMAP's sparse models as text: `cameras.txt`, `images.txt` and `points3D.txt`, in a unit that nobody knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from modmap.errors import ModMapError
from modmap.types import Array

CAMERAS, IMAGES, POINTS = "cameras.txt", "images.txt", "points3D.txt"
BINARY = "images.bin"
HALF_A_PIXEL = 0.5  # its middle: COLMAP counts pixels from the corner of the top left one
MODELS = {  # focal lengths, and coefficients of OpenCV's lens
    "SIMPLE_PINHOLE": (1, ()),
    "PINHOLE": (2, ()),
    "SIMPLE_RADIAL": (1, ("k1",)),
    "RADIAL": (1, ("k1", "k2")),
    "OPENCV": (2, ("k1", "k2", "p1", "p2")),
    "FULL_OPENCV": (2, ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")),
}
LENS = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")


@dataclass(frozen=True, eq=False)
class Lens:
    """A camera without a pose.

    Attributes:
        K: (3, 3) intrinsics, the centre of the top left pixel being (0, 0).
        size: (width, height).
        distortion: OpenCV's coefficients.
    """

    K: Array
    size: tuple[int, int]
    distortion: Array | None


@dataclass(frozen=True, eq=False)
class Photograph:
    """An image of the model.

    Attributes:
        name: Its file's, relative to the folder of images.
        camera: The number of its camera.
        T_world_to_camera: (4, 4), the translation in the model's unit.
        pixels: (M, 2) where it sees points, counted from the corner of the top left pixel.
        seen: (M,) which points these are.
    """

    name: str
    camera: int
    T_world_to_camera: Array
    pixels: Array
    seen: Array


@dataclass(frozen=True, eq=False)
class SparseModel:
    """What COLMAP found of some photographs.

    Attributes:
        lenses: The cameras by number.
        photographs: In the order of the file.
        points: (3,) places by number; none where there is no `points3D.txt`.
    """

    lenses: Mapping[int, Lens]
    photographs: Sequence[Photograph]
    points: Mapping[int, Array]


def is_sparse_model(directory: Path) -> bool:
    """Whether a directory holds a model of COLMAP's, as text or binary."""
    return any((directory / name).is_file() for name in (IMAGES, BINARY))


def read_sparse_model(directory: Path) -> SparseModel:
    """Reads a model that is stored as text.

    Raises:
        ModMapError: it is binary, a file is missing or damaged, or a camera is none of OpenCV's pinhole model.
    """
    if not (directory / IMAGES).is_file():
        raise ModMapError(
            f"{directory}: expected a COLMAP model as text, with {CAMERAS} and {IMAGES}, found a binary one: colmap "
            f"model_converter --input_path {directory} --output_path {directory} --output_type TXT"
        )
    lenses = dict(_lenses(directory / CAMERAS))
    photographs = list(_photographs(directory / IMAGES, lenses))
    if not photographs:
        raise ModMapError(f"{directory / IMAGES}: expected at least one image, found none")
    points = dict(_points(directory / POINTS)) if (directory / POINTS).is_file() else {}
    return SparseModel(lenses, photographs, points)


def _lenses(path: Path) -> Iterator[tuple[int, Lens]]:
    for number, line in _lines(path):
        words = line.split()
        if not words:
            continue
        where = f"{path}: line {number}"
        if len(words) < 5:
            raise ModMapError(
                f"{where}: expected CAMERA_ID, MODEL, WIDTH, HEIGHT and PARAMS, found {line[:60]!r}"
            )
        if words[1] not in MODELS:
            raise ModMapError(
                f"{where}: expected one of {', '.join(MODELS)}, found {words[1]}: undistort the photographs (colmap "
                "image_undistorter) and the depth maps alike"
            )
        focal, lens = MODELS[words[1]]
        values = _numbers(words[2:], where=where)
        if len(values) != 2 + focal + 2 + len(lens):
            raise ModMapError(
                f"{where}: expected {focal + 2 + len(lens)} parameters of {words[1]}, found {len(values) - 2}"
            )
        width, height = (int(side) for side in values[:2])
        fx, fy = values[2], values[1 + focal]
        cx, cy = values[2 + focal : 4 + focal] - HALF_A_PIXEL
        K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
        given = dict(zip(lens, values[4 + focal :], strict=True))
        distortion = np.array([given.get(name, 0.0) for name in LENS]) if any(given.values()) else None
        yield _whole(words[0], where=where), Lens(K, (width, height), distortion)


def _photographs(path: Path, lenses: Mapping[int, Lens]) -> Iterator[Photograph]:
    lines = iter(_lines(path))
    for number, line in lines:
        where = f"{path}: line {number}"
        if not line.strip():
            continue
        words = line.split(maxsplit=9)
        if len(words) != 10:
            raise ModMapError(
                f"{where}: expected IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID and NAME, found {line[:60]!r}"
            )
        values = _numbers(words[1:8], where=where)
        if not values[:4].any():
            raise ModMapError(f"{where}: expected a quaternion, found only zeros")
        camera = _whole(words[8], where=where)
        if camera not in lenses:
            raise ModMapError(f"{where}: expected a camera of {CAMERAS}, found {camera}")
        pose: Array = np.eye(4)
        pose[:3, :3] = Rotation.from_quat(np.roll(values[:4], -1)).as_matrix()
        pose[:3, 3] = values[4:]
        number, second = next(lines, (number + 1, ""))
        seen = _numbers(second.split(), where=f"{path}: line {number}")
        if len(seen) % 3:
            raise ModMapError(
                f"{path}: line {number}: expected X, Y and POINT3D_ID of each point, found {len(seen)} numbers"
            )
        table = seen.reshape(-1, 3)
        table = table[table[:, 2] >= 0]
        yield Photograph(words[9].strip(), camera, pose, table[:, :2], table[:, 2].astype(np.int64))


def _points(path: Path) -> Iterator[tuple[int, Array]]:
    for number, line in _lines(path):
        words = line.split(maxsplit=4)
        if not words:
            continue
        where = f"{path}: line {number}"
        if len(words) < 4:
            raise ModMapError(f"{where}: expected POINT3D_ID, X, Y and Z, found {line[:60]!r}")
        yield _whole(words[0], where=where), _numbers(words[1:4], where=where)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers, without comments; empty ones are left in, as images.txt has such."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ModMapError(f"{path}: expected text, found other bytes") from None
    except OSError as error:
        raise ModMapError(f"{path}: cannot be read: {error.strerror}") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("#"):
            yield number, line


def _numbers(words: Sequence[str], *, where: str) -> Array:
    try:
        values = np.array([float(word) for word in words], dtype=np.float64)
    except ValueError:
        raise ModMapError(f"{where}: expected numbers, found {' '.join(words)[:60]!r}") from None
    if not np.isfinite(values).all():
        raise ModMapError(f"{where}: expected finite numbers, found {' '.join(words)[:60]!r}")
    return values


def _whole(word: str, *, where: str) -> int:
    if not word.isdecimal() or len(word) > 20:
        raise ModMapError(f"{where}: expected a number of 0 and more, found {word[:60]!r}")
    return int(word)
