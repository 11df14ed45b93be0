"""Per-region overlap of scores with the truth (Bergmann et al., 2021), exact: every score is a threshold."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from dino_depth.arrays import Array


def per_region_overlap(maps: Sequence[Array], truths: Sequence[Array], *, limit: float) -> float:
    """The area under the mean overlap of the regions over the false positive rate, up to a limit, divided by it.

    Args:
        maps: (H, W) scores of each part.
        truths: (H, W) bool of each; its regions are connected over edges and corners.
        limit: Of the false positive rate, in (0, 1].

    Returns:
        From 0 to 1; NaN without a region or without a pixel outside of any.
    """
    weights, outside, regions = [], [], 0
    for truth in truths:
        count, labels, sizes, _ = cv2.connectedComponentsWithStats(truth.astype(np.uint8), connectivity=8)
        share = 1.0 / np.maximum(sizes[:, cv2.CC_STAT_AREA], 1)
        share[0] = 0.0
        weights.append(share[labels].ravel())
        outside.append(labels.ravel() == 0)
        regions += count - 1
    wrong = np.concatenate(outside)
    if not regions or not wrong.any():
        return float("nan")
    scores = np.concatenate([one.ravel() for one in maps])
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    overlap = np.append(0.0, np.cumsum(np.concatenate(weights)[order])[last] / regions)
    rate = np.append(0.0, np.cumsum(wrong[order])[last] / wrong.sum())
    # Where the overlap rises at one rate, what leads there is the line to the first of its points.
    beyond = int(np.searchsorted(rate, limit))
    at_limit = np.interp(limit, rate[beyond - 1 : beyond + 1], overlap[beyond - 1 : beyond + 1])
    below = slice(0, beyond)
    return float(np.trapezoid(np.append(overlap[below], at_limit), np.append(rate[below], limit)) / limit)
