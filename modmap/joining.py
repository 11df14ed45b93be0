"""One map of several: of two modalities, or of several kinds of evidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modmap.types import Aggregation, Array


def aggregate(image_map: Array, depth_map: Array, how: Aggregation) -> Array:
    """One map of two modalities' maps of any shape, element by element (Tab. 10).

    `max` of the two followed by the maximum in the volume is the paper's rule: each map projected by itself, the
    maximum kept.
    """
    if how == "max":
        return np.maximum(image_map, depth_map)
    if how == "min":
        return np.minimum(image_map, depth_map)
    if how == "prod":
        return image_map * depth_map
    return (image_map + depth_map) / 2


def joined(maps: Sequence[Array]) -> Array:
    """One map of several of a view: the norm of what they say, of power four, NaN where none says anything.

    Two that agree say more than one, and the larger says most.

    Args:
        maps: (H, W) float32 each, not negative.
    """
    if len(maps) == 1:
        return maps[0]
    told = np.zeros(maps[0].shape, dtype=bool)
    largest, total = np.zeros(told.shape, dtype=np.float32), np.zeros(told.shape, dtype=np.float32)
    said = []
    for one in maps:
        known = np.isfinite(one)
        told |= known
        said.append(np.where(known, one, np.float32(0)))
        np.maximum(largest, said[-1], out=largest)
    share = 1 / np.maximum(largest, np.float32(1e-12))
    # The power of four and its root by squares, in place: several times as fast.
    for one in said:
        one *= share
        total += np.square(np.square(one, out=one), out=one)
    norm = np.sqrt(np.sqrt(total, out=total), out=total)
    norm *= largest
    norm[~told] = np.nan
    return np.asarray(norm)
