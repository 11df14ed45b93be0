"""Averages over a neighbourhood in which some pixels say nothing."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from modmap.types import Array

LEAST_WEIGHT = 0.5  # share of a Gaussian that must lie on known pixels
LEAST_SHARE = 0.3  # likewise, of a mean that says nothing of the pixel itself
FINEST = 4.0  # pixels: a broader Gaussian is taken of a smaller image


def sigmas(scales: Sequence[float], width: int) -> tuple[float, ...]:
    """Gaussians' standard deviations in pixels of a view so wide; the scales are those of one that is 1024 wide."""
    return tuple(max(scale * width / 1024, 0.5) for scale in scales)


def smoothed(values: Array, sigma: float) -> Array:
    """(H, W) float32 values averaged over known pixels with a Gaussian.

    Args:
        values: (H, W) float32, NaN where nothing is known.
        sigma: The Gaussian's, in pixels.

    Returns:
        NaN where nothing was known, or less than half of the Gaussian lies on known pixels.
    """
    known = np.isfinite(values)
    total = cv2.GaussianBlur(np.where(known, values, 0).astype(np.float32), (0, 0), sigma)
    weight = cv2.GaussianBlur(known.astype(np.float32), (0, 0), sigma)
    enough = known & (weight >= LEAST_WEIGHT)
    return np.asarray(np.divide(total, weight, out=np.full(values.shape, np.nan, np.float32), where=enough))


def weighted_mean(values: Array, weight: Array, sigma: float) -> Array:
    """(H, W) float32 mean under a Gaussian, broad ones taken of a smaller image; NaN where too little is known.

    Args:
        values: (H, W) float32, 0 where nothing is known.
        weight: (H, W) float32, 1 where something is known, else 0.
        sigma: The Gaussian's, in pixels.
    """
    total, share = blurred(values, sigma), blurred(weight, sigma)
    return np.divide(total, share, out=np.full(values.shape, np.nan, np.float32), where=share > LEAST_SHARE)


def blurred(values: Array, sigma: float) -> Array:
    """(H, W) float32 values (H, W) float32 under a Gaussian, a broad one of a smaller image."""
    factor = max(1, int(sigma / FINEST))
    if factor == 1:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma))
    height, width = values.shape
    size = max(width // factor, 1), max(height // factor, 1)
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(small, (0, 0), sigma * size[0] / width)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR))
