"""Reading image and depth files: every format a scanner writes, every damage said in one line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from modmap.errors import ModMapError
from modmap.files.array_containers import exr_depth, numpy_array
from modmap.files.container_limits import ContainerError
from modmap.files.containers import NAMED, decoded
from modmap.types import Array

IMAGE_SUFFIXES = tuple(NAMED)
DEPTH_SUFFIXES = (".npy", ".npz", ".exr", ".tif", ".tiff", ".png")
BACKGROUND = 0.01  # share of a view that a background has at least
FAR = 3.0  # times as far as all else
NEARLY_ALL = 0.95  # of what is nearer than a background


def read_image(path: Path, *, notes: list[str] | None = None) -> Array:
    """Reads an image as its file says that it should be seen.

    Args:
        path: The file.
        notes: Gets a line of what was turned or inverted for that.

    Returns:
        (H, W) or (H, W, C) uint8 or uint16; colour in OpenCV's order (blue first).

    Raises:
        ModMapError: the file is missing, truncated, not an image, neither 8 nor 16 bit, or says of itself what isn't
            known to be read rightly.
    """
    return check_image(_decode(path, [] if notes is None else notes), where=str(path))


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
    points = _decode(path, [], values=True)
    if points.ndim != 3 or points.shape[2] != 3 or points.dtype.kind != "f":
        raise ModMapError(
            f"{path}: expected x, y and z of every pixel, (H, W, 3) floats, found {points.dtype} {points.shape}"
        )
    # OpenCV hands channels back in blue, green, red order.
    return points[:, :, ::-1]


def read_depth(path: Path, *, notes: list[str] | None = None) -> Array:
    """Reads a depth map as it is stored, in the file's own unit.

    `.npy`, `.npz` (one array, or one named `depth`), `.exr` (channel Z, Y, R or the only one), `.tiff`
    (float or 16 bit; of a three-channel xyz map the last channel is the depth), 16 bit `.png`.

    Args:
        path: The file.
        notes: Gets a line where it was turned, or padded, as the file says.

    Returns:
        (H, W) array of numbers; infinite, NaN and negative values untouched.

    Raises:
        ModMapError: the file is missing, damaged, has no depth, or only 8 bit of it.
    """
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        depth = _read_numpy(path)
    elif suffix == ".exr":
        depth = _read_exr(path, [] if notes is None else notes)
    elif suffix in (".tif", ".tiff", ".png"):
        depth = _decode(path, [] if notes is None else notes, values=True)
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
        (H, W) float32 millimetres, 0 where nothing was measured (infinite, NaN, negative, the largest value of 16 bit,
        background, beyond the limit), and a note for each repair that is worth telling.
    """
    raw = np.asarray(raw)
    with np.errstate(over="ignore"):
        depth = raw.astype(np.float32, copy=False) * np.float32(unit)
    notes: list[str] = []
    finite = np.isfinite(depth)
    negative = finite & (depth < 0)
    if far_is_background and finite.any():
        depth[depth >= depth[finite].max()] = 0
    np.copyto(depth, 0, where=~finite | negative)
    if negative.any():
        notes.append(f"{negative.mean():.1%} of the depth is negative and counts as not measured")
    if raw.dtype == np.uint16:
        saturated = raw == np.iinfo(np.uint16).max
        if saturated.any():
            depth[saturated] = 0
            notes.append(
                f"{saturated.mean():.1%} of the depth is the largest value of 16 bit and counts as not measured"
            )
    if limit is not None:
        depth[depth > limit] = 0
    while (background := _background(depth)) is not None:
        farthest, scene = background
        depth[depth > FAR * scene] = 0
        notes.append(
            f"what lies at exactly {farthest:g} mm, {FAR:g} times as far as all else, is taken for a background and "
            "counts as not measured"
        )
    return depth, tuple(notes)


def _background(depth: Array) -> tuple[float, float] | None:
    """The depth, mm, that a renderer or a driver gave to all behind the scene, and the scene's; None without one.

    The scene's is how far nearly all else lies at most: between the two is what a renderer has blended along edges.
    """
    farthest = float(depth.max(initial=0))
    if farthest <= 0:
        return None
    there = depth == farthest
    if there.mean() < BACKGROUND:
        return None
    others = depth[(depth > 0) & ~there]
    scene = float(np.quantile(others, NEARLY_ALL)) if len(others) else 0.0
    return (farthest, scene) if scene > 0 and farthest > FAR * scene else None


def _decode(path: Path, notes: list[str], *, values: bool = False) -> Array:
    data = _bytes(path)
    try:
        return decoded(data, path.suffix, notes=notes, values=values)
    except ContainerError as error:
        raise ModMapError(f"{path}: {error}") from None


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
        return numpy_array(path)
    except ContainerError as error:
        raise ModMapError(f"{path}: {error}") from None
    except OSError as error:
        raise ModMapError(f"{path}: cannot be read: {error.strerror}") from None


def _read_exr(path: Path, notes: list[str]) -> Array:
    _check_file(path)
    try:
        return exr_depth(path, notes=notes)
    except ImportError:
        raise ModMapError(f"{path}: reading EXR needs OpenEXR: pip install 'modmap[exr]'") from None
    except ContainerError as error:
        raise ModMapError(f"{path}: {error}") from None
