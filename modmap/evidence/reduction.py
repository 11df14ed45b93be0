"""A view at the resolution that evidence is taken at."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from modmap.scan import Frame
from modmap.types import Array

LONGEST = 1024  # pixels of the longer side
STEEPEST = 6.0  # footprints of a reduced pixel that the depth may span within it


def reduction(shape: tuple[int, int]) -> int:
    """How many pixels along each axis become one."""
    return -(-max(shape) // LONGEST)


def reduced(frame: Frame, mask: Array) -> Frame:
    """A view of its part alone with at most 1024 pixels along the longer side.

    Depth is the mean of the pixels that become one where they are one surface, else that of the middle one. Rows and
    columns that don't fill a pixel at the end are left out.

    Args:
        frame: The view, with a camera.
        mask: (H, W) bool, the part.
    """
    factor = reduction(frame.shape)
    camera = frame.camera
    assert camera is not None
    if factor == 1:
        depth = np.where(mask, frame.depth, 0).astype(np.float32)
        return replace(frame, depth=depth, colour=None)
    height, width = (side // factor for side in frame.shape)
    small = np.zeros((height, width), dtype=np.float32)
    whole = mask[: height * factor, : width * factor]
    if whole.any():
        rows, columns = (_blocks(np.asarray(whole.any(axis=axis)), factor) for axis in (1, 0))
        here = tuple(slice(one.start * factor, one.stop * factor) for one in (rows, columns))
        depth = np.where(mask[here], frame.depth[here], 0).astype(np.float32)
        small[rows, columns] = _reduced_depth(depth, factor, focal=float(camera.K[0, 0]))
    scale = np.array(
        [[1 / factor, 0, (1 / factor - 1) / 2], [0, 1 / factor, (1 / factor - 1) / 2], [0, 0, 1]]
    )
    return replace(
        frame,
        depth=small,
        image=cv2.resize(
            frame.image[: height * factor, : width * factor], (width, height), interpolation=cv2.INTER_AREA
        ),
        camera=replace(camera, K=scale @ camera.K, size=(width, height)),
        colour=None,
    )


def _blocks(taken: Array, factor: int) -> slice:
    """The whole blocks of so many that hold all that is taken along an axis."""
    first, last = np.flatnonzero(taken)[[0, -1]]
    return slice(int(first) // factor, int(last) // factor + 1)


def _reduced_depth(depth: Array, factor: int, *, focal: float) -> Array:
    """(H / factor, W / factor) float32 of a depth (H, W) whose sides are multiples of the factor.

    Args:
        depth: Mm, 0 where there is no part.
        factor: How many pixels along each axis become one.
        focal: Length of the whole view's camera, pixels.
    """
    height, width = (side // factor for side in depth.shape)
    parted = depth.reshape(height, factor, width, factor)
    blocks = parted.transpose(0, 2, 1, 3).reshape(height, width, factor**2)
    low, high = blocks.min(axis=2), blocks.max(axis=2)
    one_surface = (low > 0) & (high - low <= STEEPEST * factor * high / focal)
    middle = parted[:, factor // 2, :, factor // 2]
    return np.where(one_surface, blocks.mean(axis=2), middle).astype(np.float32)
