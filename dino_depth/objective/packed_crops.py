"""Crops of all sizes in one row of tokens: one forward for all of them, each crop attending to itself only.

Shapes: B crops of a size, P prefix tokens, h x w patches, T tokens of all crops together, H heads of D channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from timm.layers.attention import Attention
from timm.layers.drop import DropPath
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from dino_depth.objective.crop_tokens import embed, tokens_by_size

Attend = Callable[[Tensor, Tensor, Tensor, tuple[int, ...]], Tensor]
"""Queries, keys and values (1, T, H, D) and the lengths of the crops to (1, T, H, D)."""


class CropAttention(Attention):  # type: ignore[misc]
    """timm's attention, by crops where the tokens are packed.

    Attributes:
        lengths: Tokens of each crop of the row that comes in; None where a row is a crop.
        attend: What attends by crops.
    """

    lengths: tuple[int, ...] | None = None
    attend: Attend | None = None

    def forward(self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False) -> Tensor:
        """(B, T, C) of (B, T, C)."""
        if self.lengths is None or self.attend is None:
            whole: Tensor = super().forward(x, attn_mask=attn_mask, is_causal=is_causal)
            return whole
        query, key, value = self.qkv(x).unflatten(-1, (3, self.num_heads, self.head_dim)).unbind(2)
        # Autocast leaves a norm in float32, and kernels take one type only.
        query, key = self.q_norm(query).to(value.dtype), self.k_norm(key).to(value.dtype)
        attended = self.attend(query, key, value, self.lengths)
        mapped: Tensor = self.proj_drop(self.proj(self.norm(attended.flatten(2))))
        return mapped


class CropDropPath(DropPath):  # type: ignore[misc]
    """timm's stochastic depth, drawn for each crop where the tokens are packed.

    Attributes:
        lengths: As in `CropAttention`.
    """

    lengths: tuple[int, ...] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) of (B, T, C)."""
        if self.lengths is None or not self.training or self.drop_prob == 0:
            whole: Tensor = super().forward(x)
            return whole
        kept = x.new_empty(len(self.lengths)).bernoulli_(1 - self.drop_prob) / (1 - self.drop_prob)
        lengths = torch.tensor(self.lengths, device=x.device)
        dropped: Tensor = x * kept.repeat_interleave(lengths, output_size=x.shape[1])[None, :, None]
        return dropped


def make_packable(backbone: VisionTransformer, drop_path: float) -> None:
    """Gives a ViT stochastic depth, the same in all blocks (DINO-v2's), and attention that can be packed.

    The names and values of its weights stay.
    """
    for block in backbone.blocks:
        for name, module in list(block.named_modules()):
            if isinstance(module, DropPath | nn.Identity) and "drop_path" in name and drop_path > 0:
                parent, _, last = name.rpartition(".")
                setattr(block.get_submodule(parent), last, CropDropPath(drop_path))
        if (
            type(block) is Block
            and type(block.attn) is Attention
            and getattr(block.attn, "gate", None) is None
        ):
            # A module of its own would be given the weights one by one, and be no more than this.
            block.attn.__class__ = CropAttention


def packable(backbone: VisionTransformer) -> bool:
    """Whether every block can attend by crops."""
    return all(type(block) is Block and isinstance(block.attn, CropAttention) for block in backbone.blocks)


class PackedTokens:
    """`tokens_by_size`, by one forward for crops of all sizes.

    Args:
        attend: Attends by crops.
    """

    def __init__(self, attend: Attend) -> None:
        self.attend = attend

    def __call__(
        self,
        backbone: VisionTransformer,
        crops: Sequence[Tensor],
        masks: Sequence[Tensor | None],
        mask_token: Tensor,
    ) -> list[Tensor]:
        """Normalised tokens (B, P + h w, C) of every batch of crops; see `tokens_by_size`."""
        if len(crops) == 1:
            return tokens_by_size(backbone, crops, masks, mask_token)
        entering = [
            embed(backbone, batch, mask, mask_token) for batch, mask in zip(crops, masks, strict=True)
        ]
        lengths = tuple(batch.shape[1] for batch in entering for _ in range(len(batch)))
        row = torch.cat([batch.flatten(0, 1) for batch in entering])[None]
        with _packed(backbone, lengths, self.attend):
            row = backbone.norm(backbone.blocks(row))
        parts = row[0].split([batch.shape[0] * batch.shape[1] for batch in entering])
        return [part.unflatten(0, batch.shape[:2]) for part, batch in zip(parts, entering, strict=True)]


@contextmanager
def _packed(backbone: VisionTransformer, lengths: tuple[int, ...], attend: Attend) -> Iterator[None]:
    modules = [module for module in backbone.modules() if isinstance(module, CropAttention | CropDropPath)]
    for module in modules:
        module.lengths = lengths
        if isinstance(module, CropAttention):
            module.attend = attend
    try:
        yield
    finally:
        for module in modules:
            module.lengths = None
