"""Depth maps and images from files, as they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from dino_depth.arrays import Array
from dino_depth.data.sources.array_containers import exr_depth, numpy_array
from dino_depth.data.sources.container_limits import ContainerError
from dino_depth.data.sources.containers import decoded
from dino_depth.errors import DinoDepthError

DEPTH_SUFFIXES = (".npy", ".npz", ".exr", ".tif", ".tiff", ".png")


def read_depth(path: Path) -> Array:
    """Reads a depth map as it is stored, in the file's own unit.

    `.npy`, `.npz` (one array, or one named `depth`), `.exr` (channel Z, Y, R or the only one), `.tiff` (of an xyz map
    the third channel), `.png` of 16 bit.

    Returns:
        (H, W) numbers, holes as they are stored.

    Raises:
        DinoDepthError: the file is missing, damaged, no depth map, or one of 8 bit.
    """
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        with _told(path):
            depth = numpy_array(path)
    elif suffix == ".exr":
        with _told(path):
            depth = exr_depth(path, notes=[])
    elif suffix in DEPTH_SUFFIXES:
        depth = _decode(path, values=True)
        if depth.ndim == 3 and depth.shape[2] == 3 and depth.dtype.kind == "f":
            # OpenCV hands channels back in blue, green, red order: the file's third comes first.
            depth = depth[:, :, 0]
    else:
        raise DinoDepthError(
            f"{path}: expected a depth map ({', '.join(DEPTH_SUFFIXES)}), found {suffix or 'no suffix'}"
        )
    if depth.ndim == 3 and 1 in (depth.shape[0], depth.shape[2]):
        depth = depth.squeeze(2 if depth.shape[2] == 1 else 0)
    if depth.ndim != 2 or 0 in depth.shape or depth.dtype.kind not in "fiu" or depth.dtype.itemsize == 1:
        raise DinoDepthError(
            f"{path}: expected (H, W) depth in floating point or at least 16 bit, found {depth.shape} of {depth.dtype}"
        )
    return depth


def read_xyz(path: Path) -> Array:
    """(H, W, 3) floating point x, y and z of an organised point cloud in a `.tiff`.

    Raises:
        DinoDepthError: the file is missing, damaged, or of another kind.
    """
    cloud = _decode(path, values=True)
    if cloud.ndim != 3 or cloud.shape[2] != 3 or cloud.dtype.kind != "f":
        raise DinoDepthError(
            f"{path}: expected (H, W, 3) of floating point, found {cloud.shape} of {cloud.dtype}"
        )
    return cloud[:, :, ::-1]


def read_image(path: Path) -> Array:
    """(H, W, 3) uint8 image, red first; gray ones repeated.

    Raises:
        DinoDepthError: the file is missing, damaged, or neither 8 nor 16 bit.
    """
    image = _decode(path)
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if image.dtype != np.uint8 or (image.ndim == 3 and image.shape[2] not in (3, 4)):
        raise DinoDepthError(f"{path}: expected an 8 or 16 bit image, found {image.shape} of {image.dtype}")
    if image.ndim == 2:
        return np.repeat(image[:, :, None], 3, axis=2)
    return np.ascontiguousarray(image[:, :, 2::-1])


def _decode(path: Path, *, values: bool = False) -> Array:
    with _told(path):
        return decoded(path.read_bytes(), path.suffix, notes=[], values=values)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Names the file in whatever is wrong with it."""
    try:
        yield
    except ContainerError as error:
        raise DinoDepthError(f"{path}: {error}") from None
    except OSError as error:
        raise DinoDepthError(f"{path}: expected a file to read, found {error.strerror or error}") from None
    except ImportError:
        raise DinoDepthError(f"{path}: expected the package OpenEXR to read it with, found none") from None
