"""From scores and depth to colours: one scale for every picture of a scan."""

from __future__ import annotations

import cv2
import numpy as np

from modmap.types import Array

OPACITY_EXPONENT = 1.5
# Around the part, where a picture has no image.
BACKGROUND = (232, 235, 239)
# Of values about zero.
BELOW, ZERO, ABOVE = (0, 90, 181), (200, 200, 200), (220, 90, 0)


def colourise(
    values: Array, top: float, *, bottom: float = 0.0, background: tuple[int, int, int] = (0, 0, 0)
) -> Array:
    """Colours of scores, from dark blue over magenta to yellow (the map "plasma").

    The map is perceptually uniform, in order of lightness also for the colour-blind, and nowhere gray, so that it
    stands out from a gray image at every score.

    Args:
        values: (...) scores; NaN where there is none.
        top: Score of the last colour; what is larger gets it too.
        bottom: Score of the first colour; what is smaller gets it too.
        background: Red, green and blue where there is no score.

    Returns:
        (..., 3) uint8, red first.
    """
    values = np.asarray(values)
    known = ~np.isnan(values)
    level = np.rint(np.where(known, _share(values, top, bottom), 0) * 255).astype(np.uint8)
    colours = palette()[level]
    colours[~known] = background
    return np.asarray(colours)


def blend(
    gray: Array, values: Array, top: float, *, bottom: float = 0.0, coverage: Array | None = None
) -> Array:
    """Scores over a gray image, the more opaque the higher: at `top` only the colour is left, at `bottom` the image.

    Args:
        gray: (H, W) uint8 image.
        values: (H, W) scores; the image is untouched where they are NaN.
        top: Score of the last colour.
        bottom: Score of the first colour.
        coverage: (H, W) in [0, 1], how much of each pixel has a score; all of it by default.

    Returns:
        (H, W, 3) uint8, red first.
    """
    opacity = np.nan_to_num(_share(values, top, bottom)) ** OPACITY_EXPONENT
    if coverage is not None:
        opacity = opacity * coverage
    below = as_rgb(gray).astype(np.float32)
    above = colourise(values, top, bottom=bottom).astype(np.float32)
    return np.asarray(np.rint(below + opacity[:, :, None] * (above - below)).astype(np.uint8))


def as_rgb(gray: Array) -> Array:
    """(H, W, 3) uint8 of a gray image (H, W)."""
    return np.repeat(gray[:, :, None], 3, axis=2)


def colourise_depth(depth: Array, near: float, far: float, *, background: tuple[int, int, int]) -> Array:
    """Colours of depth, near being bright; the map "cividis" is even in lightness and alike to the colour-blind.

    Args:
        depth: (H, W) mm; NaN where nothing was measured.
        near: mm of the brightest colour.
        far: mm of the darkest colour, larger than `near`.
        background: Red, green and blue where nothing was measured.

    Returns:
        (H, W, 3) uint8, red first.
    """
    known = np.isfinite(depth)
    level = np.clip((np.where(known, depth, near) - near) / (far - near), 0, 1)
    colours = cv2.applyColorMap(np.rint(255 * (1 - level)).astype(np.uint8), cv2.COLORMAP_CIVIDIS)[:, :, ::-1]
    return np.where(known[:, :, None], colours, np.array(background, np.uint8))


def colourise_signed(values: Array, far: float, *, background: tuple[int, int, int]) -> Array:
    """Colours of values about zero: blue below, light gray at zero, orange above; told apart by the colour-blind too.

    Args:
        values: (H, W), NaN where there is none.
        far: Value of the last colours, positive; what is farther from zero gets them too.
        background: Red, green and blue where there is no value.

    Returns:
        (H, W, 3) uint8, red first.
    """
    known = np.isfinite(values)
    share = np.clip(np.where(known, values, 0) / far, -1, 1)
    ends = [np.array(one, dtype=np.float64) for one in (BELOW, ABOVE)]
    zero = np.array(ZERO, dtype=np.float64)
    toward = np.where((share < 0)[..., None], ends[0], ends[1])
    colours = zero + np.abs(share)[..., None] * (toward - zero)
    return np.where(known[..., None], np.rint(colours), np.array(background)).astype(np.uint8)


def _share(values: Array, top: float, bottom: float) -> Array:
    span = max(top - bottom, float(np.finfo(np.float32).tiny))
    share = (np.asarray(values, dtype=np.float64) - bottom) / span
    return np.asarray(np.clip(share, 0, 1))


def palette() -> Array:
    """(256, 3) uint8, red first: the colours from the bottom to the top of a scale.

    They are OpenCV's: matplotlib's of the same name differ by one in some, and volumes on disk have these.
    """
    levels = np.arange(256, dtype=np.uint8)[:, None]
    return np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_PLASMA)[:, 0, ::-1])
