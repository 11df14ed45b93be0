"""From the light on every pixel to an 8 bit gray image: exposure, vignetting, blur, noise."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Size = tuple[int, int]

VIGNETTING = 0.28
PSF_PIXELS = 0.8
VEIL, VEIL_WIDTH = 0.02, 0.02
FULL_WELL = 10_500.0
READ_NOISE = 9.0
UNEVENNESS = 0.004
BLACK_LEVEL = 3.0
GRAY_PER_ELECTRON = (255 - BLACK_LEVEL) / FULL_WELL
WHITE_TARGET, WHITE_PERCENTILE = 0.55, 85.0


def exposure_for(radiances: list[Array]) -> float:
    """The factor that brings the bright parts of a first, nominal part to a little above mid scale.

    Args:
        radiances: Of the part's pixels, one array a view.
    """
    bright = float(np.percentile(np.concatenate(radiances), WHITE_PERCENTILE))
    return WHITE_TARGET / max(bright, 1e-6)


def expose(
    radiance: Array,
    *,
    exposure: float,
    scale: float,
    corner: tuple[int, int] = (0, 0),
    of: Size | None = None,
) -> Array:
    """(H, W) float32 signal of the sensor without noise; 1 is saturation, and is exceeded.

    Args:
        radiance: (H, W), of an image or a piece of one. What is beside a piece counts as its mirror image.
        exposure: Factor to the signal.
        scale: Size of this image relative to the whole sensor's, at most 1; it is binned.
        corner: Column and row of the image at which the piece begins.
        of: (width, height) of the image that it is a piece of.
    """
    height, width = radiance.shape
    signal = (radiance * exposure * _vignette(width, height, corner, of or (width, height))).astype(
        np.float32
    )
    sigma = float(np.hypot(PSF_PIXELS * scale, 0.3))
    sharp = cv2.GaussianBlur(signal, (0, 0), sigma)
    whole = (of or (width, height))[0]
    small = min(max(1, whole // 256), width, height)
    coarse = cv2.resize(
        np.minimum(signal, 2.0), (width // small, height // small), interpolation=cv2.INTER_AREA
    )
    veil = cv2.GaussianBlur(coarse, (0, 0), VEIL_WIDTH * whole / small)
    veil = cv2.resize(veil, (width, height), interpolation=cv2.INTER_LINEAR)
    blurred: Array = (1 - VEIL) * sharp + VEIL * veil
    return blurred


def develop(signal: Array, *, scale: float, rng: np.random.Generator) -> Array:
    """(H, W) uint8 image of a signal: shot noise, read noise, uneven pixels, black level, 8 bits."""
    electrons, spread = _electrons(signal, scale)
    noisy: Array = electrons + spread * rng.standard_normal(signal.shape, dtype=np.float32)
    values = BLACK_LEVEL + noisy * GRAY_PER_ELECTRON
    image: Array = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return image


def expected_gray(signal: Array, *, scale: float) -> tuple[Array, Array]:
    """(H, W) gray levels of a signal before noise and rounding, and (H, W) the deviation of both."""
    electrons, spread = _electrons(signal, scale)
    gray: Array = np.minimum(BLACK_LEVEL + electrons * GRAY_PER_ELECTRON, 255)
    deviation: Array = np.hypot(spread * GRAY_PER_ELECTRON, np.sqrt(1 / 12))
    return gray, deviation


def _electrons(signal: Array, scale: float) -> tuple[Array, Array]:
    """Electrons that a signal frees, and their deviation.

    A binned pixel is the mean of 1 / scale^2 pixels, and its noise that much smaller.
    """
    electrons: Array = np.clip(signal, 0, 1.05) * FULL_WELL
    return electrons, np.sqrt(electrons + READ_NOISE**2 + (UNEVENNESS * electrons) ** 2) * scale


def _vignette(width: int, height: int, corner: tuple[int, int], of: Size) -> Array:
    """(H, W) share of the light that reaches each pixel."""
    y, x = np.ogrid[-1 : 1 : of[1] * 1j, -1 : 1 : of[0] * 1j]
    x, y = x[:, corner[0] : corner[0] + width], y[corner[1] : corner[1] + height]
    squared = (x * x * of[0] * of[0] + y * y * of[1] * of[1]) / (of[0] * of[0] + of[1] * of[1])
    share: Array = 1 - VIGNETTING * squared
    return share
