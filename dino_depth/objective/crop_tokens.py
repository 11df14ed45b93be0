"""From crops to tokens: a timm ViT over several crop sizes, masked patches replaced.

Shapes: B crops of a size, h x w patches of one, P prefix tokens (class and registers), C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

TokenFunction = Callable[[VisionTransformer, Sequence[Tensor], Sequence[Tensor | None], Tensor], list[Tensor]]
"""Turns the backbone, batches of crops, their masks and the mask token into batches of tokens, as `tokens_by_size`."""


def embed(backbone: VisionTransformer, crops: Tensor, mask: Tensor | None, mask_token: Tensor) -> Tensor:
    """What enters the first block.

    Args:
        backbone: Built with `dynamic_img_size=True`: its patch embedding keeps the grid, and its position embedding
            is interpolated to it.
        crops: (B, 1, H, W).
        mask: (B, h w) bool, true where a patch is replaced by the mask token; None masks nothing.
        mask_token: (1, C).

    Returns:
        (B, P + h w, C) tokens.
    """
    patches = backbone.patch_embed(crops)
    if mask is not None:
        batch, height, width, _ = patches.shape
        # Before the position embedding: a masked patch still tells where it is.
        masked = mask.view(batch, height, width, 1)
        patches = torch.where(masked, mask_token.to(patches.dtype), patches)
    tokens: Tensor = backbone.norm_pre(backbone.patch_drop(backbone._pos_embed(patches)))
    return tokens


def tokens_by_size(
    backbone: VisionTransformer,
    crops: Sequence[Tensor],
    masks: Sequence[Tensor | None],
    mask_token: Tensor,
) -> list[Tensor]:
    """Normalised tokens of every batch of crops, by one forward a batch.

    Args:
        backbone: See `embed`.
        crops: Batches (B, 1, H, W), each of a size and a B of its own.
        masks: A mask (B, h w), or None, for each batch.
        mask_token: (1, C).

    Returns:
        (B, P + h w, C) tokens for each batch.
    """
    tokens = []
    for batch, mask in zip(crops, masks, strict=True):
        tokens.append(backbone.norm(backbone.blocks(embed(backbone, batch, mask, mask_token))))
    return tokens
