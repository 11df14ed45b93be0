"""The lower half of an ImageNet network that comes with the package: what it sees of an image, at two strides.

EfficientNet-lite0 up to stride 16, 0.7 million weights in half precision; where they are from is told in
`embedded_cnn/README.md`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import timm
import torch
from torch import Tensor, nn

from modmap.errors import ModMapError, one_line
from modmap.types import Array

ARCHITECTURE = "tf_efficientnet_lite0"
WEIGHTS = Path(__file__).with_name("embedded_cnn") / "model.safetensors"
STRIDES = (8, 16)
STAGES = (2, 3)  # of timm's, whose maps these are
BLOCKS = 5  # that lead there
MEAN, STD = 0.5, 0.5  # that it was trained with, of all channels alike


def cnn_maps(picture: Array) -> tuple[Tensor, ...]:
    """What the network sees of a picture.

    Args:
        picture: (H, W) gray levels or (H, W, 3), float32 in [0, 1]; both sides multiples of 16.

    Returns:
        For each stride of `STRIDES` (C, H / stride, W / stride) float32.

    Raises:
        ModMapError: the weights in the package are damaged.
    """
    height, width = picture.shape[:2]
    if height % STRIDES[-1] or width % STRIDES[-1]:
        raise ModMapError(f"cnn: expected sides that are multiples of {STRIDES[-1]}, found {width}x{height}")
    channels = picture.transpose(2, 0, 1) if picture.ndim == 3 else picture
    pixels = (torch.from_numpy(np.ascontiguousarray(channels, dtype=np.float32)) - MEAN) / STD
    with torch.inference_mode():
        maps = _network().forward_intermediates(
            pixels.expand(1, 3, height, width), indices=list(STAGES), intermediates_only=True, stop_early=True
        )
    return tuple(one[0] for one in maps)


def lower_half(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of the whole network's weights those that lead to the last of `STRIDES`, in half precision."""
    kept = ("conv_stem.", "bn1.", *(f"blocks.{index}." for index in range(BLOCKS)))
    return {
        name: value.half().contiguous() if value.is_floating_point() else value.contiguous()
        for name, value in state.items()
        if name.startswith(kept)
    }


@cache
def _network() -> Any:
    network: Any = timm.create_model(ARCHITECTURE, pretrained=False)
    network.blocks = network.blocks[:BLOCKS]
    network.conv_head = network.bn2 = network.global_pool = network.classifier = nn.Identity()
    try:
        network.load_state_dict(safetensors.torch.load_file(WEIGHTS), strict=True)
    except Exception as error:
        raise ModMapError(
            f"{WEIGHTS}: expected the weights that come with modmap, found a damaged file ({one_line(error)}): "
            "install it again"
        ) from None
    return network.requires_grad_(False).eval()
