"""Pictures of patch tokens: their principal components as colours, beside the depth (Fig. 6)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from dino_depth.arrays import Array

SHOWN = 224
FEWEST_PATCHES = 4


def pca_picture(patches: Tensor, *, mask: Array) -> Array:
    """(h, w, 3) uint8: the first three principal components of the patches of a mask, each spread over its range.

    Args:
        patches: (h, w, C).
        mask: (h, w) bool; the rest is black.
    """
    picture = np.zeros((*mask.shape, 3), np.uint8)
    chosen = patches.double()[torch.from_numpy(mask)]
    if len(chosen) < FEWEST_PATCHES:
        return picture
    centred = chosen - chosen.mean(0)
    _, _, axes = torch.linalg.svd(centred, full_matrices=False)
    # An axis has no direction of its own: its largest entry is taken as positive.
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    components = (centred @ (axes * largest.sign())[:3].T).numpy()
    low, high = np.percentile(components, [2, 98], axis=0)
    picture[mask] = np.clip(255 * (components - low) / np.maximum(high - low, 1e-9), 0, 255).astype(np.uint8)
    return picture


def depth_picture(depth: Array) -> Array:
    """(H, W, 3) uint8 gray: near is bright, a hole black.

    Args:
        depth: (H, W) normalised depth, 0 in holes.
    """
    measured = depth > 0
    nearest = np.where(measured, 255 * (1.05 - depth / max(float(depth.max()), 1e-6)), 0)
    return np.asarray(cv2.cvtColor(np.clip(nearest, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR))


def sheet(rows: Sequence[Sequence[Array]]) -> Array:
    """(224 rows, 224 columns, 3) uint8: pictures of any size side by side, row below row."""
    size = (SHOWN, SHOWN)
    return np.vstack(
        [np.hstack([cv2.resize(tile, size, interpolation=cv2.INTER_NEAREST) for tile in row]) for row in rows]
    )
