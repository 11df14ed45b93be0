"""Attention by crops, for packed crops: xformers' kernels or torch's own, and which of them runs here.

Shapes: T tokens of all crops together, H heads of D channels.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from itertools import accumulate
from typing import Literal

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from dino_depth.errors import ConfigError, one_line
from dino_depth.objective.crop_tokens import TokenFunction, tokens_by_size
from dino_depth.objective.packed_crops import Attend, PackedTokens, packable

Choice = Literal["auto", "xformers", "torch", "by_size"]


class XFormersAttention:
    """Attention by crops through xformers' kernels, which never build the matrix between crops."""

    def __init__(self) -> None:
        # Where xformers was built for another torch, it says so at length, and may still do what is asked here.
        logging.getLogger("xformers").setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from xformers import ops  # type: ignore[import-untyped]
            from xformers.ops import fmha  # type: ignore[import-untyped]

        self._ops, self._masks = ops, fmha.BlockDiagonalMask
        self._made: dict[tuple[int, ...], object] = {}

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, lengths: tuple[int, ...]) -> Tensor:
        """(1, T, H, D) of (1, T, H, D) each."""
        if lengths not in self._made:
            self._made[lengths] = self._masks.from_seqlens(list(lengths))
        mask = self._made[lengths]
        attended: Tensor = self._ops.memory_efficient_attention(query, key, value, attn_bias=mask)
        return attended


class TorchAttention:
    """Attention by crops through torch's own kernels, of nested tensors; where there are none, crop by crop."""

    def __init__(self) -> None:
        self._made: dict[tuple[tuple[int, ...], torch.device], Tensor] = {}

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, lengths: tuple[int, ...]) -> Tensor:
        """(1, T, H, D) of (1, T, H, D) each."""
        made = (lengths, query.device)
        if made not in self._made:
            self._made[made] = torch.tensor([0, *accumulate(lengths)], device=query.device)
        starts, shortest, longest = self._made[made], min(lengths), max(lengths)
        queries, keys, values = (
            torch.nested.nested_tensor_from_jagged(
                one[0].contiguous(), starts, min_seqlen=shortest, max_seqlen=longest
            ).transpose(1, 2)
            for one in (query, key, value)
        )
        attended = scaled_dot_product_attention(queries, keys, values)
        row: Tensor = attended.transpose(1, 2).values()[None]
        return row


KERNELS: dict[str, Callable[[], Attend]] = {"xformers": XFormersAttention, "torch": TorchAttention}


def chosen_tokens(
    backbone: VisionTransformer, choice: Choice, *, device: torch.device, dtype: torch.dtype
) -> tuple[TokenFunction, str]:
    """How crops pass the ViT here, and a line that says so.

    Args:
        backbone: With whose heads a kernel is tried, forward and backward.
        choice: `auto` packs crops on CUDA, through xformers where it runs, else through torch.
        device: Where it is to run.
        dtype: Of queries, keys and values.

    Raises:
        ConfigError: a kernel was asked for that doesn't run here.
    """
    if choice == "by_size":
        return tokens_by_size, "attention: one forward for each crop size, as asked"
    asked = list(KERNELS) if choice == "auto" else [choice]
    reasons = []
    if not packable(backbone):
        block = backbone.blocks[0]
        kind = getattr(block, "attn", block)
        reasons = [f"attention of {type(kind).__name__} can't be packed"]
    elif choice == "auto" and device.type != "cuda":
        reasons = [f"on {device.type} no kernel leaves out what is between crops"]
    else:
        for name in asked:
            attend, reason = _tried(name, backbone, device, dtype)
            if attend is not None:
                line = f"attention: crops of all sizes packed, through {name}"
                return PackedTokens(attend), f"{line}, as {reasons[0]}" if reasons else line
            reasons.append(reason)
    if choice != "auto":
        raise ConfigError(f"run.attention: expected packed crops through {choice}, but {reasons[0]}")
    return tokens_by_size, f"attention: one forward for each crop size, as {', and '.join(reasons)}"


def _tried(
    name: str, backbone: VisionTransformer, device: torch.device, dtype: torch.dtype
) -> tuple[Attend | None, str]:
    """A kernel where it runs, forward and backward, and else why it doesn't."""
    attention = backbone.blocks[0].attn
    shape = (1, 12, attention.num_heads, attention.head_dim)
    try:
        attend = KERNELS[name]()
        trial = [torch.zeros(shape, device=device, dtype=dtype, requires_grad=True) for _ in range(3)]
        with warnings.catch_warnings():
            # Torch says it once, of the first nested tensors.
            warnings.filterwarnings("ignore", "The PyTorch API of nested tensors is in prototype stage")
            torch.autograd.grad(attend(trial[0], trial[1], trial[2], (8, 4)).sum(), trial)
    except ImportError:
        return None, f"{name} isn't installed"
    except (OSError, RuntimeError, ValueError) as error:
        return None, f"{name} doesn't run on this device ({one_line(error, longest=80)})"
    return attend, ""
