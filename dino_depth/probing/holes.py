"""Holes punched into depth maps, so that the tokens of what is hidden can be asked for the depth that was there."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

TILE = 2  # patches along the side of a hole
PASSES = 4


def punched(inputs: Tensor, *, grid: tuple[int, int]) -> Iterator[tuple[Tensor, Tensor]]:
    """The maps four times over, each time with a quarter of their patches turned into holes; each patch once.

    Holes are squares of two by two patches, two apart: what is hidden has to be told from what lies around it.

    Args:
        inputs: (B, 1, H, W) float32 normalised depth.
        grid: Patches down and across.

    Yields:
        (B, 1, H, W) maps, 0 in the holes, and (h, w) bool: the patches that are hidden in all of them.
    """
    rows, columns = torch.arange(grid[0]) // TILE % 2, torch.arange(grid[1]) // TILE % 2
    patch = inputs.shape[2] // grid[0], inputs.shape[3] // grid[1]
    for number in range(PASSES):
        hidden = (rows[:, None] == number // 2) & (columns[None, :] == number % 2)
        pixels = hidden.repeat_interleave(patch[0], 0).repeat_interleave(patch[1], 1)
        yield inputs.masked_fill(pixels, 0), hidden
