"""Depth normalisation of a whole map, as the encoder will be used: its name is published with the encoder."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from dino_depth.arrays import Array
from dino_depth.errors import DinoDepthError

Normalisation = Literal["reference", "robust"]

PERCENTILES = (1, 99)
NEAREST = 0.1
SMALLEST_SPREAD = 1e-3


def normalise(depth: Array, method: Normalisation) -> Array:
    """Normalises a depth map; to be done before it is cropped, as an encoder is given whole maps.

    Args:
        depth: (H, W) float32, 0 where nothing was measured, never negative.
        method: `reference` divides by the farthest depth. `robust` spreads the 1st to the 99th percentile of the
            measured depths over [0.1, 1], and takes what lies outside to its ends: a measured pixel is never near the
            0 of a hole, and a few stray ones don't set the scale.

    Returns:
        (H, W) float32 in [0, 1], holes 0. A map of holes only stays one.

    Raises:
        DinoDepthError: another method.
    """
    if method == "reference":
        return np.asarray(depth / max(float(depth.max()), np.finfo(np.float32).tiny), dtype=np.float32)
    if method == "robust":
        return _robust(depth)
    raise DinoDepthError(
        f"model.depth_normalisation: expected {' or '.join(get_args(Normalisation))}, found {method}"
    )


def _robust(depth: Array) -> Array:
    normalised = np.zeros(depth.shape, np.float32)
    measured = depth > 0
    values = depth[measured]
    if values.size:
        near, far = np.percentile(values, PERCENTILES)
        # A flat map is all near, rather than its noise spread over the whole range.
        share = np.clip((values - near) / max(far - near, SMALLEST_SPREAD), 0, 1)
        normalised[measured] = NEAREST + (1 - NEAREST) * share
    return normalised
