"""Crops of all sizes in one row of tokens: one forward for all of them, each crop attending to itself only.

Shapes: B crops of a size, P prefix tokens, h x w patches, T tokens of all crops together, H heads of D channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from timm.layers.attention import Attention
from timm.layers.drop import DropPath
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from dino_depth.objective.crop_tokens import embed, tokens_by_size

Attend = Callable[[Tensor, Tensor, Tensor, tuple[int, ...]], Tensor]
"""Queries, keys and values (1, T, H, D) and the lengths of the crops to (1, T, H, D)."""


class Packing(NamedTuple):
    """What lies in a row of tokens.

    Attributes:
        batches: How many crops each batch has, and of how many tokens each.
        attend: What attends by crops.
    """

    batches: tuple[tuple[int, int], ...]
    attend: Attend

    @property
    def lengths(self) -> tuple[int, ...]:
        """Tokens of each crop, in their order."""
        return tuple(tokens for crops, tokens in self.batches for _ in range(crops))


class CropAttention(Attention):  # type: ignore[misc]
    """timm's attention, by crops where the tokens are packed."""

    def forward(
        self,
        x: Tensor,
        attn_mask: Tensor | None = None,
        is_causal: bool = False,
        packing: Packing | None = None,
    ) -> Tensor:
        """(B, T, C) of (B, T, C)."""
        if packing is None:
            whole: Tensor = super().forward(x, attn_mask=attn_mask, is_causal=is_causal)
            return whole
        query, key, value = self.qkv(x).unflatten(-1, (3, self.num_heads, self.head_dim)).unbind(2)
        # Autocast leaves a norm in float32, and kernels take one type only.
        query, key = self.q_norm(query).to(value.dtype), self.k_norm(key).to(value.dtype)
        attended = packing.attend(query, key, value, packing.lengths)
        mapped: Tensor = self.proj_drop(self.proj(self.norm(attended.flatten(2))))
        return mapped


class CropBlock(Block):  # type: ignore[misc]
    """timm's block, in which stochastic depth saves what it drops, as in DINO-v2 (its Sec. 5).

    Of every batch the same share of crops, drawn anew, skips a residual branch; the others' is scaled by the share that
    doesn't, and nothing is computed for those that do.

    Attributes:
        drop_rate: The share.
        packing: What lies in the row that comes in; None where a row is a crop.
    """

    drop_rate: float = 0.0
    packing: Packing | None = None

    def forward(self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False) -> Tensor:
        """(B, T, C) of (B, T, C)."""

        def attended(tokens: Tensor, packing: Packing | None) -> Tensor:
            more = (
                {"attn_mask": attn_mask, "is_causal": is_causal} if packing is None else {"packing": packing}
            )
            branch: Tensor = self.ls1(self.attn(self.norm1(tokens), **more))
            return branch

        def mapped(tokens: Tensor, _: Packing | None) -> Tensor:
            branch: Tensor = self.ls2(self.mlp(self.norm2(tokens)))
            return branch

        return self._added(self._added(x, attended), mapped)

    def _added(self, x: Tensor, branch: Callable[[Tensor, Packing | None], Tensor]) -> Tensor:
        if not self.training or self.drop_rate == 0:
            return x + branch(x, self.packing)
        if self.packing is None:
            kept = self._kept(len(x), x.device)
            added = branch(x[kept], None).to(x.dtype)
            return x.index_add(0, kept, added, alpha=len(x) / len(kept))
        places, scales, batches, start = [], [], [], 0
        for crops, tokens in self.packing.batches:
            kept = self._kept(crops, x.device)
            within = torch.arange(start, start + tokens, device=x.device)
            places.append((kept[:, None] * tokens + within).flatten())
            scales.append(x.new_full((len(places[-1]), 1), crops / len(kept)))
            batches.append((len(kept), tokens))
            start += crops * tokens
        place, packing = torch.cat(places), self.packing._replace(batches=tuple(batches))
        added = branch(x[:, place], packing).to(x.dtype)
        return x.index_add(1, place, added * torch.cat(scales))

    def _kept(self, crops: int, device: torch.device) -> Tensor:
        """The crops of a batch that take a branch: one at least."""
        return torch.randperm(crops, device=device)[: max(1, round(crops * (1 - self.drop_rate)))]


def make_packable(backbone: VisionTransformer, drop_path: float) -> None:
    """Gives a ViT stochastic depth, the same in all blocks (DINO-v2's), and attention that can be packed.

    The names and values of its weights stay. Blocks of other kinds than timm's plain one have its stochastic depth, and
    can't be packed.
    """
    for block in backbone.blocks:
        plain = type(block) is Block
        for name, module in list(block.named_modules()):
            if isinstance(module, DropPath | nn.Identity) and "drop_path" in name:
                parent, _, last = name.rpartition(".")
                dropped = DropPath(drop_path) if drop_path > 0 and not plain else nn.Identity()
                setattr(block.get_submodule(parent), last, dropped)
        # Modules of their own would be given the weights one by one, and be no more than these.
        if plain and type(block.attn) is Attention and getattr(block.attn, "gate", None) is None:
            block.attn.__class__ = CropAttention
        if plain:
            block.__class__ = CropBlock
            block.drop_rate = drop_path


def packable(backbone: VisionTransformer) -> bool:
    """Whether every block can attend by crops."""
    return all(
        isinstance(block, CropBlock) and isinstance(block.attn, CropAttention) for block in backbone.blocks
    )


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
        row = torch.cat([batch.flatten(0, 1) for batch in entering])[None]
        batches = tuple((batch.shape[0], batch.shape[1]) for batch in entering)
        with _packed(backbone, Packing(batches, self.attend)):
            row = backbone.norm(backbone.blocks(row))
        parts = row[0].split([count * tokens for count, tokens in batches])
        return [part.unflatten(0, batch) for part, batch in zip(parts, batches, strict=True)]


@contextmanager
def _packed(backbone: VisionTransformer, packing: Packing) -> Iterator[None]:
    for block in backbone.blocks:
        block.packing = packing
    try:
        yield
    finally:
        for block in backbone.blocks:
            block.packing = None
