"""The lower half of an ImageNet network that comes with the package: what it sees of an image, at two strides.

EfficientNet-lite0 (Tan and Le, ICML 2019) up to stride 16, 0.7 million weights in half precision; where they are from
is told in `embedded_cnn/README.md`. It is written out in plain convolutions, each normalisation folded into the one
before it: twice as fast as timm's module, and a process that needs no other network doesn't wait for timm's import.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F

from modmap.errors import ModMapError, one_line
from modmap.types import Array

WEIGHTS = Path(__file__).with_name("embedded_cnn") / "model.safetensors"
STRIDES = (8, 16)
STAGES = ((1, 1), (2, 2), (2, 2), (2, 3), (1, 3))  # stride of the first block, blocks
SEEN = (2, 4)  # stages whose last blocks' maps are taken
EPSILON = 1e-3  # of the normalisations
# A pixel's channels lie side by side: as it is, a plain convolution would rearrange all it is given, and what it finds.
INSIDE = torch.channels_last
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
    channels = picture.transpose(2, 0, 1) if picture.ndim == 3 else picture[None]
    pixels = (torch.from_numpy(np.ascontiguousarray(channels, dtype=np.float32)) - MEAN) / STD
    network = _network()
    seen = []
    with torch.inference_mode():
        values = (network.of_gray if len(pixels) == 1 else network.of_colour)(pixels[None])
        for index, stage in enumerate(network.stages):
            for block in stage:
                values = block(values)
            if index in SEEN:
                seen.append(values[0].contiguous())
    return tuple(seen)


def lower_half(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of the whole network's weights those that lead to the last of `STRIDES`, in half precision."""
    kept = ("conv_stem.", "bn1.", *(f"blocks.{index}." for index in range(len(STAGES))))
    return {
        name: value.half().contiguous() if value.is_floating_point() else value.contiguous()
        for name, value in state.items()
        if name.startswith(kept)
    }


@dataclass(frozen=True, eq=False)
class _Convolution:
    """Filters (O, I, k, k) and offsets (O,), which hold the normalisation too, and what follows."""

    filters: Tensor
    offsets: Tensor
    stride: int = 1
    clipped: bool = True

    @classmethod
    def folded(
        cls,
        state: Mapping[str, Tensor],
        name: str,
        normalisation: str,
        *,
        stride: int = 1,
        clipped: bool = True,
    ) -> _Convolution:
        weight, offset, mean, variance = (
            state[f"{normalisation}.{one}"].float()
            for one in ("weight", "bias", "running_mean", "running_var")
        )
        gain = weight / (variance + EPSILON).sqrt()
        filters = (state[f"{name}.weight"].float() * gain[:, None, None, None]).contiguous(
            memory_format=INSIDE
        )
        return cls(filters, offset - mean * gain, stride, clipped)

    def __call__(self, values: Tensor) -> Tensor:
        side = self.filters.shape[-1]
        groups = values.shape[1] // self.filters.shape[1]
        if self.stride == 1:
            found = F.conv2d(values, self.filters, self.offsets, padding=side // 2, groups=groups)
        else:
            # Of an even image, TensorFlow puts the odd pixel of the border after it. A border wider by a step on every
            # side, of whose outcome the first row and column are left out, is the same, without a copy of the image.
            border = (side - 2) // 2 + self.stride
            wider = F.conv2d(
                values, self.filters, self.offsets, stride=self.stride, padding=border, groups=groups
            )
            height, width = (length // self.stride for length in values.shape[-2:])
            found = wider[..., 1 : 1 + height, 1 : 1 + width].contiguous(memory_format=INSIDE)
        return F.relu6(found, inplace=True) if self.clipped else found


@dataclass(frozen=True, eq=False)
class _Block:
    """Convolutions one after the other; their outcome is added to what they were given, where that can be."""

    convolutions: tuple[_Convolution, ...]
    adds: bool

    def __call__(self, values: Tensor) -> Tensor:
        found = values
        for convolution in self.convolutions:
            found = convolution(found)
        return found.add_(values) if self.adds else found


@dataclass(frozen=True, eq=False)
class _Network:
    """What an image goes through first, of one channel or of three, and then the stages."""

    of_gray: _Convolution
    of_colour: _Convolution
    stages: tuple[tuple[_Block, ...], ...]

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> _Network:
        colour = _Convolution.folded(state, "conv_stem", "bn1", stride=2)
        # Of three channels alike, the sum of the filters tells as much.
        gray = _Convolution(colour.filters.sum(dim=1, keepdim=True), colour.offsets, stride=2)
        stages = tuple(
            tuple(
                _block(state, f"blocks.{stage}.{index}", stride if index == 0 else 1)
                for index in range(count)
            )
            for stage, (stride, count) in enumerate(STAGES)
        )
        return cls(gray, colour, stages)


def _block(state: Mapping[str, Tensor], name: str, stride: int) -> _Block:
    """Widens each pixel, but in the first stage; filters each channel; narrows each pixel."""
    steps = (
        ("conv_pw", "conv_dw", "conv_pwl") if f"{name}.conv_pwl.weight" in state else ("conv_dw", "conv_pw")
    )
    convolutions = tuple(
        _Convolution.folded(
            state,
            f"{name}.{step}",
            f"{name}.bn{number}",
            stride=stride if step == "conv_dw" else 1,
            clipped=number < len(steps),
        )
        for number, step in enumerate(steps, start=1)
    )
    narrow, wide = convolutions[-1].filters.shape[0], convolutions[0].filters.shape[1]
    return _Block(convolutions, adds=len(steps) == 3 and stride == 1 and narrow == wide)


@cache
def _network() -> _Network:
    try:
        return _Network.of(safetensors.torch.load_file(WEIGHTS))
    except Exception as error:
        raise ModMapError(
            f"{WEIGHTS}: expected the weights that come with modmap, found a damaged file ({one_line(error)}): "
            "install it again"
        ) from None
