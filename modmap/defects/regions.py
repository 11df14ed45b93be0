"""Splitting a volume into regions that score too high."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from modmap.errors import ModMapError
from modmap.metrics import label_defects
from modmap.types import Array
from modmap.volume import AnomalyVolume


def find_regions(
    volume: AnomalyVolume, *, threshold: float, peak_threshold: float | None = None
) -> list[Array]:
    """The connected regions (26 neighbours) of voxels over a threshold.

    Args:
        volume: The volume.
        threshold: A voxel belongs to a region if its score is larger.
        peak_threshold: A region counts if its largest score is larger; `threshold` by default. With the scan's
            calibrated threshold a scan has a region exactly if it fails.

    Returns:
        (M, 3) voxels of each region, the largest peak first.

    Raises:
        ModMapError: a threshold isn't a number, or the second is below the first.
    """
    least = threshold if peak_threshold is None else peak_threshold
    if not threshold <= least:
        raise ModMapError(
            f"defects: expected a peak threshold of at least the voxel threshold {threshold!r}, found {least!r}"
        )
    over = volume.scores > threshold
    if not over.any():
        return []
    box = ndimage.find_objects(over.astype(np.uint8))[0]
    low = np.array([side.start for side in box])
    labels, count = label_defects(over[box])
    places = np.argwhere(labels)
    region = labels[tuple(places.T)] - 1
    scores = volume.scores[box][tuple(places.T)]
    peaks = np.full(count, -np.inf)
    np.maximum.at(peaks, region, scores)
    order = np.argsort(region, kind="stable")
    members = np.split(places[order] + low, np.cumsum(np.bincount(region, minlength=count))[:-1])
    return [members[index] for index in np.argsort(-peaks, kind="stable") if peaks[index] > least]
