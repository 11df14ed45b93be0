"""Depth maps and images from files, as they are stored."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from dino_depth.arrays import Array
from dino_depth.data.corpus import PNG_END
from dino_depth.errors import DinoDepthError, one_line

DEPTH_SUFFIXES = (".npy", ".npz", ".exr", ".tif", ".tiff", ".png")
JPEG_END = b"\xff\xd9"


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
        depth = _read_numpy(path)
    elif suffix == ".exr":
        depth = _read_exr(path)
    elif suffix in DEPTH_SUFFIXES:
        depth = _decode(path, cv2.IMREAD_UNCHANGED)
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
    cloud = _decode(path, cv2.IMREAD_UNCHANGED)
    if cloud.ndim != 3 or cloud.shape[2] != 3 or cloud.dtype.kind != "f":
        raise DinoDepthError(
            f"{path}: expected (H, W, 3) of floating point, found {cloud.shape} of {cloud.dtype}"
        )
    return cloud[:, :, ::-1]


def read_image(path: Path) -> Array:
    """(H, W, 3) uint8 image, red first; gray ones repeated.

    Raises:
        DinoDepthError: the file is missing or damaged.
    """
    return np.ascontiguousarray(_decode(path, cv2.IMREAD_COLOR)[:, :, ::-1])


def _decode(path: Path, flags: int) -> Array:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DinoDepthError(f"{path}: expected a file to read, found {error.strerror}") from None
    suffix = path.suffix.lower()
    # OpenCV fills in what is missing of a PNG or JPEG that was cut off.
    end = {".png": PNG_END, ".jpg": JPEG_END, ".jpeg": JPEG_END}.get(suffix, b"")
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data and end in data else None
    if decoded is None:
        raise DinoDepthError(
            f"{path}: expected a whole {suffix[1:]} file, found {len(data)} bytes that are none"
        )
    return np.asarray(decoded)


def _read_numpy(path: Path) -> Array:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            if len(loaded.files) != 1 and "depth" not in loaded.files:
                names = ", ".join(loaded.files) or "nothing"
                raise DinoDepthError(f"{path}: expected one array, or one named depth, found {names}")
            return np.asarray(loaded["depth" if "depth" in loaded.files else loaded.files[0]])
    except DinoDepthError:
        raise
    except Exception as error:  # a damaged archive: zipfile, zlib and NumPy each have their own
        raise DinoDepthError(f"{path}: expected an array of numbers, found {one_line(error)}") from None


def _read_exr(path: Path) -> Array:
    try:
        import OpenEXR
    except ImportError:
        raise DinoDepthError(f"{path}: expected the package OpenEXR to read it with, found none") from None
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = {name: np.array(channel.pixels) for name, channel in file.channels().items()}
    except Exception as error:  # the binding raises plain RuntimeErrors and others
        raise DinoDepthError(f"{path}: expected a whole exr file, found {one_line(error)}") from None
    for name in ("Z", "Y", "R"):
        if name in channels:
            return np.asarray(channels[name])
    if len(channels) != 1:
        raise DinoDepthError(f"{path}: expected a channel Z, Y or R, found {', '.join(channels) or 'none'}")
    return np.asarray(next(iter(channels.values())))
