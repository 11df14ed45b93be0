"""The depth maps that a probe looks at: chosen, normalised and resized once, with what is asked of each patch."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from datasets import Dataset  # type: ignore[import-untyped]
from torch import Tensor

from dino_depth.arrays import Array
from dino_depth.data.corpus import PART, decode_depth
from dino_depth.data.normalisation import Normalisation, normalise
from dino_depth.errors import DinoDepthError

LEAST_MEASURED = 0.5
HELD_SHARE = 0.3
SEED = 0


@dataclass(frozen=True, eq=False)
class ProbeMaps:
    """B depth maps, ready for an encoder, and what its tokens are asked for; h x w patches a map.

    Attributes:
        inputs: (B, 1, H, W) float32 normalised depth, 0 in holes.
        depth: (B, h, w) float32 mean depth of what was measured in each patch.
        slopes: (B, h, w, 2) float32 its slopes from patch to patch, down and right: what a normal tells.
        inside: (B, h, w) bool: enough was measured in the patch and in those around it.
        held: (B,) bool: the map is of a part held out from the linear probes' fit.
        categories: Each map's.
        parts: Which part a map shows; maps of one part have the same.
    """

    inputs: Tensor
    depth: Tensor
    slopes: Tensor
    inside: Tensor
    held: Tensor
    categories: tuple[str, ...]
    parts: tuple[Hashable, ...]

    def __len__(self) -> int:
        return len(self.inputs)


def probe_maps(
    corpus: Dataset, *, size: int, patch: int, depth_normalisation: Normalisation, count: int = 200
) -> ProbeMaps:
    """Chooses maps of a corpus, the same ones every time, and prepares them.

    Args:
        corpus: Of `open_corpus`.
        size: Side of the encoder's square input in pixels, a multiple of `patch`.
        patch: Side of its patches in pixels.
        depth_normalisation: What the encoder is, or was, trained with.
        count: At most so many maps.

    Raises:
        DinoDepthError: fewer than two parts, of which one is to be held out, or a damaged map.
    """
    generator = np.random.default_rng(SEED)
    # Not the first ones: a corpus is stored data set by data set, category by category.
    chosen = sorted(generator.choice(len(corpus), min(count, len(corpus)), replace=False).tolist())
    rows = [corpus[index] for index in chosen]
    categories, parts = zip(
        *(_category_and_part(row, number) for number, row in enumerate(rows)), strict=True
    )
    inputs = [_prepared(decode_depth(row), size, depth_normalisation) for row in rows]
    targets = [patch_targets(one, size // patch) for one in inputs]
    depth, slopes, inside = (torch.from_numpy(np.stack(one)) for one in zip(*targets, strict=True))
    distinct = list(dict.fromkeys(parts))
    if len(distinct) < 2:
        raise DinoDepthError(f"probe: expected maps of at least two parts, found {len(rows)} maps of one")
    held_count = max(1, round(HELD_SHARE * len(distinct)))
    held = {distinct[index] for index in generator.permutation(len(distinct))[:held_count]}
    return ProbeMaps(
        inputs=torch.from_numpy(np.stack(inputs))[:, None],
        depth=depth,
        slopes=slopes,
        inside=inside,
        held=torch.tensor([part in held for part in parts]),
        categories=categories,
        parts=parts,
    )


def patch_targets(depth: Array, grid: int) -> tuple[Array, Array, Array]:
    """What a patch token can be asked for.

    Args:
        depth: (H, W) float32 normalised depth, 0 in holes.
        grid: Patches along a side.

    Returns:
        (grid, grid) mean depth of what was measured, (grid, grid, 2) its slopes from patch to patch (what a normal
        tells), and (grid, grid) bool whether enough was measured.
    """
    size = (grid, grid)
    measured = (depth > 0).astype(np.float32)
    share = cv2.resize(measured, size, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(depth * measured, size, interpolation=cv2.INTER_AREA) / np.maximum(share, 1e-6)
    slopes = np.stack(np.gradient(mean), axis=-1)
    known = share >= LEAST_MEASURED
    inside = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    return mean, slopes, inside


def _prepared(depth: Array, size: int, method: Normalisation) -> Array:
    """(size, size) float32: the whole map normalised, set in the middle of a square of holes, resized.

    So an encoder gets it when it is used; stretched to a square, round parts would be none.
    """
    normalised = normalise(depth, method)
    height, width = normalised.shape
    side = max(height, width)
    square = np.zeros((side, side), np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = normalised
    return np.asarray(cv2.resize(square, (size, size), interpolation=cv2.INTER_NEAREST), np.float32)


def _category_and_part(row: dict[str, Any], number: int) -> tuple[str, Hashable]:
    """A row's category, and its part: of the column `part`, or of a category NAME/NUMBER, or one of its own."""
    category, source = str(row["category"]), str(row["source"])
    if row.get(PART) is not None:
        return category, (source, category, int(row[PART]))
    named = re.fullmatch(r"(.+)/(\d+)", category)
    if named:
        return named[1], (source, named[1], int(named[2]))
    return category, number
