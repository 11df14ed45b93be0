"""Block masks: which patches of the global crops the student doesn't see (BEiT's blocks, as iBOT and DINO-v2 use)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dino_depth.errors import DinoDepthError

Mask = npt.NDArray[np.bool_]

ATTEMPTS = 10


def block_masks(
    crops: int,
    grid: tuple[int, int],
    *,
    rng: np.random.Generator,
    probability: float = 0.5,
    ratio: tuple[float, float] = (0.1, 0.5),
    minimum_block: int = 4,
    minimum_aspect: float = 0.3,
) -> Tensor:
    """Masks of a batch.

    The ratios of the masked crops are drawn one from each of as many equal parts of the range, so that batches have
    about the same number of masked patches. Which crop has which is random.

    Args:
        crops: How many, in the batch.
        grid: Rows and columns of patches of a crop.
        rng: Source of all that is random.
        probability: For a crop to be masked. As near as can be to this share of every batch is.
        ratio: Lowest and highest share of a masked crop's patches, within [0, 1]. Where no whole number of patches is
            between them, the nearest one.
        minimum_block: Smallest area drawn for a block, in patches. Fewer than that are masked one by one.
        minimum_aspect: Lowest ratio of a block's sides, height to width; the highest is its inverse.

    Returns:
        (crops, rows * columns) bool, on the CPU.

    Raises:
        DinoDepthError: the probability or the ratio is out of range.
    """
    low, high = ratio
    if not 0 <= low <= high <= 1:
        raise DinoDepthError(
            f"masks.ratio: expected two shares in order, within 0 to 1, found {low} and {high}"
        )
    if not 0 <= probability <= 1:
        raise DinoDepthError(f"masks.probability: expected a share from 0 to 1, found {probability}")
    # Rounded up or down at random, so that each crop is masked with exactly the probability.
    masked = int(crops * probability + rng.random())
    shares = low + (high - low) * (np.arange(masked) + rng.random(masked)) / max(masked, 1)
    patches = grid[0] * grid[1]
    masks = np.zeros((crops, patches), dtype=np.bool_)
    for crop, share in zip(rng.permutation(crops)[:masked], shares, strict=True):
        count = _whole(share * patches, low * patches, high * patches)
        masks[crop] = _block_mask(
            count, grid, rng=rng, minimum_block=minimum_block, minimum_aspect=minimum_aspect
        ).ravel()
    return torch.from_numpy(masks)


def _whole(value: float, low: float, high: float) -> int:
    """The whole number next to a value and, where there is one, between low and high."""
    # Shares such as 0.1 aren't exact in binary: 0.1 * 30 patches is a little above 3.
    least, most = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    return round(value) if least > most else min(max(round(value), least), most)


def _block_mask(
    count: int, grid: tuple[int, int], *, rng: np.random.Generator, minimum_block: int, minimum_aspect: float
) -> Mask:
    """(rows, columns) mask of exactly `count` patches: blocks, which may overlap, as long as one fits."""
    mask = np.zeros(grid, dtype=np.bool_)
    left = count
    while left >= minimum_block:
        block = _fitting_block(
            mask, left, rng=rng, minimum_block=minimum_block, minimum_aspect=minimum_aspect
        )
        if block is None:
            break
        mask[block] = True
        left = count - int(mask.sum())
    mask.ravel()[rng.permutation(np.flatnonzero(~mask))[:left]] = True
    return mask


def _fitting_block(
    mask: Mask, left: int, *, rng: np.random.Generator, minimum_block: int, minimum_aspect: float
) -> tuple[slice, slice] | None:
    """A random block that adds 1 to `left` patches to the mask; None if no attempt finds one."""
    rows, columns = mask.shape
    for _ in range(ATTEMPTS):
        area = rng.uniform(minimum_block, left)
        aspect = math.exp(rng.uniform(math.log(minimum_aspect), -math.log(minimum_aspect)))
        height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if height > rows or width > columns:
            continue
        top, leftmost = rng.integers(rows - height + 1), rng.integers(columns - width + 1)
        block = slice(top, top + height), slice(leftmost, leftmost + width)
        if 0 < height * width - int(mask[block].sum()) <= left:
            return block
    return None
