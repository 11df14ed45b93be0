"""From the light on every pixel to an 8 bit gray image: exposure, vignetting, blur, noise."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

VIGNETTING = 0.28
PSF_PIXELS = 0.8
VEIL, VEIL_WIDTH = 0.02, 0.02
FULL_WELL = 10_500.0
READ_NOISE = 9.0
UNEVENNESS = 0.004
BLACK_LEVEL = 3.0
WHITE_TARGET, WHITE_PERCENTILE = 0.55, 85.0


def exposure_for(radiances: list[Array]) -> float:
    """The factor that brings the bright parts of a first, nominal part to a little above mid scale.

    Args:
        radiances: Of the part's pixels, one array a view.
    """
    bright = float(np.percentile(np.concatenate(radiances), WHITE_PERCENTILE))
    return WHITE_TARGET / max(bright, 1e-6)


def expose(radiance: Array, *, exposure: float, scale: float) -> Array:
    """(H, W) float32 signal of the sensor without noise; 1 is saturation, and is exceeded.

    Args:
        radiance: (H, W).
        exposure: Factor to the signal.
        scale: Size of this image relative to the whole sensor's, at most 1; it is binned.
    """
    height, width = radiance.shape
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    squared = (x * x * width * width + y * y * height * height) / (width * width + height * height)
    signal = (radiance * exposure * (1 - VIGNETTING * squared)).astype(np.float32)
    sigma = float(np.hypot(PSF_PIXELS * scale, 0.3))
    sharp = cv2.GaussianBlur(signal, (0, 0), sigma)
    small = max(1, width // 256)
    coarse = cv2.resize(
        np.minimum(signal, 2.0), (width // small, height // small), interpolation=cv2.INTER_AREA
    )
    veil = cv2.GaussianBlur(coarse, (0, 0), VEIL_WIDTH * width / small)
    veil = cv2.resize(veil, (width, height), interpolation=cv2.INTER_LINEAR)
    blurred: Array = (1 - VEIL) * sharp + VEIL * veil
    return blurred


def develop(signal: Array, *, scale: float, rng: np.random.Generator) -> Array:
    """(H, W) uint8 image of a signal: shot noise, read noise, uneven pixels, black level, 8 bits.

    A binned pixel is the mean of 1 / scale^2 pixels, and its noise that much smaller.
    """
    electrons = np.clip(signal, 0, 1.05) * FULL_WELL
    spread = np.sqrt(electrons + READ_NOISE**2 + (UNEVENNESS * electrons) ** 2) * scale
    noisy = electrons + spread * rng.standard_normal(signal.shape, dtype=np.float32)
    values = BLACK_LEVEL + noisy * ((255 - BLACK_LEVEL) / FULL_WELL)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
