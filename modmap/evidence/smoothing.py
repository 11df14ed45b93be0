"""Averages over a neighbourhood in which some pixels say nothing."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from modmap.types import Array

LEAST_WEIGHT = 0.5  # share of a Gaussian that must lie on known pixels


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
