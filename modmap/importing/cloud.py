"""An organised point cloud: a point for every pixel of a view, as scanners and depth cameras store it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modmap.errors import ModMapError
from modmap.types import Array

SCALES = (1.0, 255.0, 65535.0)  # largest values that an intensity without a type of its own may have
LEVELS = 65535
MOST_POINTS = 2**26  # of a view: some hundred bytes are taken for each, where an image takes a few


@dataclass(frozen=True, eq=False)
class Cloud:
    """What a file holds of one view.

    Attributes:
        points: (H, W, 3) x, y, z of every pixel's point, in the file's unit; NaN where nothing was measured.
        image: (H, W) or (H, W, 3), blue first, uint8 or uint16; None where the file has neither intensity nor colour.
        notes: What was repaired or taken for granted, one line each.
    """

    points: Array
    image: Array | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class CloudFile:
    """A view whose points are read when they are asked for.

    Attributes:
        path: The file.
        view_id: The view's name.
        read: Reads its points.
        pose: (4, 4) that carries the points into the world, its translation in the file's unit; None where the file
            says none.
        pose_of_camera: The pose is the camera's, and holds of the points only where they are in the camera's frame.
        unit: Millimetres per unit, where the format says it.
    """

    path: Path
    view_id: str
    read: Callable[[], Cloud]
    pose: Array | None = None
    pose_of_camera: bool = False
    unit: float | None = None


def require_organised(path: Path, *, width: int, height: int, points: int) -> None:
    """Checks what a file says of its size, before memory is taken for it.

    Raises:
        ModMapError: it isn't organised, or too large, or says two sizes.
    """
    if width * height != points:
        raise ModMapError(
            f"{path}: expected as many points as its width times its height, {width} x {height}, found {points}"
        )
    if min(width, height) < 2:
        raise ModMapError(
            f"{path}: expected an organised cloud, a point for every pixel of a view, found {width} x {height}: export "
            "it organised (also called ordered, or structured), with the points that were not measured"
        )
    if width * height > MOST_POINTS:
        raise ModMapError(f"{path}: expected at most {MOST_POINTS} points, found {width} x {height}")


def require_bytes(path: Path, *, least: int, found: int) -> None:
    """Checks that a file can hold what it says that it does.

    Raises:
        ModMapError: it is too short.
    """
    if found < least:
        raise ModMapError(
            f"{path}: truncated: expected {least} bytes of points at least, as its header says, found {found}"
        )


def organised(columns: Iterable[Array], *, width: int, height: int) -> Array:
    """(H, W, 3) float64 points of x, y and z in row order; NaN where they aren't finite, or all of them 0."""
    with np.errstate(invalid="ignore"):  # of a NaN that signals
        flat = np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=-1)
    flat[~np.isfinite(flat).all(axis=1) | ~flat.any(axis=1)] = np.nan
    return flat.reshape(height, width, 3)


def intensity_image(values: Array) -> tuple[Array, tuple[str, ...]]:
    """An image of measured intensities.

    What a file says of their limits isn't asked: programs write there what this one scan has, and scans are compared.

    Args:
        values: Any shape. 8 and 16 bit are taken as they are; of others the least of 1, 255 and 65535 that none exceeds
            stands for white, and what is negative for black.

    Returns:
        uint8 or uint16 of the same shape, and a note of what was taken for white.
    """
    values = np.asarray(values)
    if values.dtype in (np.uint8, np.uint16):
        return values, ()
    known = np.nan_to_num(values.astype(np.float64), nan=0, posinf=0, neginf=0)
    highest, lowest = float(known.max(initial=0)), float(known.min(initial=0))
    white = next((scale for scale in SCALES if highest <= scale), highest)
    note = f"intensity: from {lowest:g} to {highest:g}, black taken as 0 and white as {white:g}"
    return np.round((known / white).clip(0, 1) * LEVELS).astype(np.uint16), (note,)


def image_of(
    data: Array, *, colours: Iterable[tuple[str, str, str]], intensities: Iterable[str]
) -> tuple[Array | None, tuple[str, ...]]:
    """The image that the points' fields hold: colour where there is any, else intensity.

    Args:
        data: (N,) structured.
        colours: Names that the three channels may have, blue first.
        intensities: Names that an intensity may have.

    Returns:
        (N, 3) or (N,), None where there is neither; and notes.
    """
    names = data.dtype.names or ()
    for channels in colours:
        if set(channels) <= set(names):
            return np.stack([as_bytes(data[name]) for name in channels], axis=-1), ()
    for name in intensities:
        if name in names:
            return intensity_image(data[name])
    return None, ()


def packed_colours(packed: Array) -> Array:
    """(N, 3) uint8, blue first, of 32 bit colours 0x00RRGGBB, which PCL stores as an integer or in a float's bits."""
    bits = np.ascontiguousarray(packed).view(np.uint32)
    return np.stack([bits & 255, bits >> 8 & 255, bits >> 16 & 255], axis=-1).astype(np.uint8)


def as_bytes(channel: Array) -> Array:
    """uint8 of one colour's values: bytes as they are, 16 bit by their upper half, floats from 0 to 1 or to 255."""
    channel = np.asarray(channel)
    if channel.dtype == np.uint16:
        return np.asarray(channel >> 8, dtype=np.uint8)
    if channel.dtype.kind == "f":
        known = np.nan_to_num(channel, nan=0).clip(0, 255)
        return np.round(known * (255 if known.max(initial=0) <= 1 else 1)).astype(np.uint8)
    return channel.clip(0, 255).astype(np.uint8)
