"""Reading image and depth files: every format a scanner writes, every damage said in one line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from modmap.errors import ModMapError, one_line
from modmap.types import Array

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
DEPTH_SUFFIXES = (".npy", ".npz", ".exr", ".tif", ".tiff", ".png")
PNG_END = b"IEND\xaeB`\x82"
JPEG_END = b"\xff\xd9"
JPEG_SCAN = b"\xff\xda"


def read_image(path: Path) -> Array:
    """Reads an image as it is stored.

    Returns:
        (H, W) or (H, W, C) uint8 or uint16; colour in OpenCV's order (blue first).

    Raises:
        ModMapError: the file is missing, truncated, not an image, or neither 8 nor 16 bit.
    """
    return check_image(_decode(path), where=str(path))


def check_image(image: Array, *, where: str) -> Array:
    """Returns the image if it is one: (H, W) or (H, W, 1, 3 or 4), 8 or 16 bit; `where` opens the error.

    Raises:
        ModMapError: another shape or type.
    """
    image = np.asarray(image)
    if image.dtype not in (np.uint8, np.uint16):
        raise ModMapError(f"{where}: expected an 8 or 16 bit image, found {image.dtype}")
    if image.ndim not in (2, 3) or 0 in image.shape or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)):
        raise ModMapError(f"{where}: expected shape (H, W), (H, W, 3) or (H, W, 4), found {image.shape}")
    return image


def to_gray(image: Array) -> Array:
    """(H, W) gray of a gray or colour image (H, W[, C]), dtype kept."""
    image = check_image(image, where="image")
    if image.ndim == 2:
        return image
    if image.shape[2] == 1:
        return image[:, :, 0]
    code = cv2.COLOR_BGR2GRAY if image.shape[2] == 3 else cv2.COLOR_BGRA2GRAY
    return np.asarray(cv2.cvtColor(image, code))


def to_rgb(image: Array) -> Array | None:
    """(H, W, 3) red, green, blue of a colour image (H, W, 3 or 4) in OpenCV's order, dtype kept; None of a gray one."""
    image = check_image(image, where="image")
    if image.ndim == 2 or image.shape[2] == 1:
        return None
    code = cv2.COLOR_BGR2RGB if image.shape[2] == 3 else cv2.COLOR_BGRA2RGB
    return np.asarray(cv2.cvtColor(image, code))


def read_point_map(path: Path) -> Array:
    """Reads an organised point cloud, a tiff of three floating point channels, in the file's own unit.

    Returns:
        (H, W, 3) x, y, z of every pixel's point; infinite, NaN and negative values untouched.

    Raises:
        ModMapError: the file is missing, damaged or of another shape or type.
    """
    points = _decode(path)
    if points.ndim != 3 or points.shape[2] != 3 or points.dtype.kind != "f":
        raise ModMapError(
            f"{path}: expected x, y and z of every pixel, (H, W, 3) floats, found {points.dtype} {points.shape}"
        )
    # OpenCV hands channels back in blue, green, red order.
    return points[:, :, ::-1]


def read_depth(path: Path) -> Array:
    """Reads a depth map as it is stored, in the file's own unit.

    `.npy`, `.npz` (one array, or one named `depth`), `.exr` (channel Z, Y, R or the only one), `.tiff`
    (float or 16 bit; of a three-channel xyz map the last channel is the depth), 16 bit `.png`.

    Returns:
        (H, W) array of numbers; infinite, NaN and negative values untouched.

    Raises:
        ModMapError: the file is missing, damaged, has no depth, or only 8 bit of it.
    """
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        depth = _read_numpy(path)
    elif suffix == ".exr":
        depth = _read_exr(path)
    elif suffix in (".tif", ".tiff", ".png"):
        depth = _decode(path)
        if depth.dtype.kind == "f" and depth.ndim == 3 and depth.shape[2] == 3:
            # OpenCV hands channels back in blue, green, red order: the file's third channel comes first.
            depth = depth[:, :, 0]
    else:
        raise ModMapError(
            f"{path}: expected a depth map ({', '.join(DEPTH_SUFFIXES)}), found {suffix or 'no suffix'}"
        )
    return check_depth(depth, where=str(path))


def check_depth(depth: Array, *, where: str) -> Array:
    """Returns the depth map as (H, W) if it is one; `where` opens the error.

    Raises:
        ModMapError: another shape, only 8 bit, or not numbers.
    """
    depth = np.asarray(depth)
    if depth.ndim == 3 and depth.shape[2] == 1:
        depth = depth[:, :, 0]
    elif depth.ndim == 3 and depth.shape[0] == 1:
        depth = depth[0]
    if depth.dtype == np.uint8 or depth.dtype == np.int8:
        raise ModMapError(f"{where}: expected 16 bit or floating point depth, found 8 bit (256 levels)")
    if depth.ndim != 2 or 0 in depth.shape or depth.dtype.kind not in "fiu":
        raise ModMapError(
            f"{where}: expected a depth map (H, W) of numbers, found {depth.dtype} {depth.shape}"
        )
    return depth


def clean_depth(
    raw: Array, *, unit: float = 1.0, far_is_background: bool = False, limit: float | None = None
) -> tuple[Array, tuple[str, ...]]:
    """Brings raw depth to the house convention.

    Args:
        raw: (H, W) stored depth.
        unit: Millimetres per stored unit.
        far_is_background: The maximum of the map is a renderer's background.
        limit: Millimetres; what is farther counts as not measured.

    Returns:
        (H, W) float32 millimetres, 0 where nothing was measured (infinite, NaN, negative, background, beyond
        the limit), and a note for each repair that is worth telling.
    """
    raw = np.asarray(raw)
    with np.errstate(over="ignore"):
        depth = raw.astype(np.float32) * np.float32(unit)
    notes: list[str] = []
    finite = np.isfinite(depth)
    negative = finite & (depth < 0)
    if far_is_background and finite.any():
        depth[depth >= depth[finite].max()] = 0
    depth[~finite | negative] = 0
    if negative.any():
        notes.append(f"{negative.mean():.1%} of the depth is negative and counts as not measured")
    if np.isnan(raw).any():
        notes.append(f"{np.isnan(raw).mean():.1%} of the depth is NaN and counts as not measured")
    if limit is not None:
        depth[depth > limit] = 0
    return depth, tuple(notes)


def _decode(path: Path) -> Array:
    data = _bytes(path)
    suffix = path.suffix.lower()
    if suffix == ".png" and PNG_END not in data:
        raise ModMapError(f"{path}: truncated PNG: expected an end marker, found none in {len(data)} bytes")
    if suffix in (".jpg", ".jpeg") and data.rfind(JPEG_END) <= data.rfind(JPEG_SCAN):
        raise ModMapError(f"{path}: truncated JPEG: expected an end marker, found none in {len(data)} bytes")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ModMapError(f"{path}: cannot be decoded: {str(error).splitlines()[0]}") from None
    if image is None:
        raise ModMapError(f"{path}: expected an image, found {len(data)} bytes that no decoder reads")
    return np.asarray(image)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise ModMapError(f"{path}: expected a file, found {'a directory' if path.is_dir() else 'none'}")
    if path.stat().st_size == 0:
        raise ModMapError(f"{path}: expected data, found an empty file")


def _bytes(path: Path) -> bytes:
    _check_file(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModMapError(f"{path}: cannot be read: {error.strerror}") from None


def _read_numpy(path: Path) -> Array:
    _check_file(path)
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            names = loaded.files
            if "depth" in names or len(names) == 1:
                return np.asarray(loaded["depth" if "depth" in names else names[0]])
    except ModMapError:
        raise
    except Exception as error:
        raise ModMapError(
            f"{path}: expected a whole NumPy file, found a damaged one ({one_line(error)})"
        ) from None
    raise ModMapError(f"{path}: expected one array, or one named depth, found {', '.join(names)}")


def _read_exr(path: Path) -> Array:
    _check_file(path)
    try:
        import OpenEXR
    except ImportError:
        raise ModMapError(f"{path}: reading EXR needs OpenEXR: pip install 'modmap[exr]'") from None
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = {name: np.asarray(channel.pixels) for name, channel in file.channels().items()}
    except Exception as error:
        raise ModMapError(
            f"{path}: expected a whole EXR file, found a damaged one ({one_line(error)})"
        ) from None
    for name in ("Z", "depth", "depth.Z", "Depth.Z", "depth.V", "Y", "V", "R"):
        if name in channels:
            return channels[name].astype(np.float32)
    if len(channels) == 1:
        return next(iter(channels.values())).astype(np.float32)
    raise ModMapError(f"{path}: expected a depth channel (Z, Y or R), found {', '.join(channels) or 'none'}")
