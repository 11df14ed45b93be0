"""A normalising flow over feature maps, by affine couplings: AST's teacher (Rudolph 2023, Sec. 3.2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

CLAMP = 1.9
KERNELS = (3, 3, 3, 5)


class Coupling(nn.Module):
    """Either half of the channels scaled and shifted by what a small network reads off the other half.

    Args:
        channels: C of the map, at least two.
        conditions: Channels of what both networks see besides.
        hidden: Channels inside them.
        kernel: Odd width of their convolutions.
        order: (C,) how the channels are shuffled first.
    """

    order: Tensor
    back: Tensor

    def __init__(self, channels: int, *, conditions: int, hidden: int, kernel: int, order: Tensor) -> None:
        super().__init__()
        self._halves = [channels // 2, channels - channels // 2]
        first, second = self._halves
        self.first = _network(second + conditions, 2 * first, hidden=hidden, kernel=kernel)
        self.second = _network(first + conditions, 2 * second, hidden=hidden, kernel=kernel)
        self.register_buffer("order", order)
        self.register_buffer("back", order.argsort())

    def forward(self, maps: Tensor, conditions: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> the same shape, and (B, H, W) each place's share of the log determinant."""
        first, second = torch.split(maps[:, self.order], self._halves, dim=1)
        scale, shift = _scale_and_shift(self.first, second, conditions)
        first, share = first * scale.exp() + shift, scale.sum(dim=1)
        scale, shift = _scale_and_shift(self.second, first, conditions)
        second, share = second * scale.exp() + shift, share + scale.sum(dim=1)
        return torch.cat([first, second], dim=1), share

    def inverse(self, maps: Tensor, conditions: Tensor) -> Tensor:
        """What `forward` made these maps of."""
        first, second = torch.split(maps, self._halves, dim=1)
        scale, shift = _scale_and_shift(self.second, first, conditions)
        second = (second - shift) * (-scale).exp()
        scale, shift = _scale_and_shift(self.first, second, conditions)
        first = (first - shift) * (-scale).exp()
        return torch.cat([first, second], dim=1)[:, self.back]


class CouplingFlow(nn.Module):
    """Four couplings, the last with wider convolutions.

    Args:
        channels: C of the map.
        conditions: Channels of the condition.
        hidden: Channels inside the couplings' networks.
        seed: Of their weights and of the shuffles.
    """

    def __init__(self, channels: int, *, conditions: int, hidden: int = 64, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.couplings = nn.ModuleList(
                Coupling(
                    channels,
                    conditions=conditions,
                    hidden=hidden,
                    kernel=kernel,
                    order=torch.randperm(channels),
                )
                for kernel in KERNELS
            )

    def forward(self, maps: Tensor, conditions: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> the same shape, normal where the flow has learnt, and (B, H, W) log determinants.

        The determinant of the whole map is the sum over its places.
        """
        total = maps.new_zeros(len(maps), *maps.shape[2:])
        for coupling in self.couplings:
            maps, share = coupling(maps, conditions)
            total = total + share
        return maps, total

    def inverse(self, maps: Tensor, conditions: Tensor) -> Tensor:
        """What `forward` made these maps of."""
        for coupling in reversed(self.couplings):
            maps = coupling.inverse(maps, conditions)  # type: ignore[operator]
        return maps

    def log_likelihood(self, maps: Tensor, conditions: Tensor) -> Tensor:
        """(B, H, W) each place's share of the log likelihood (Eq. 3)."""
        normal, determinant = self(maps, conditions)
        channels = maps.shape[1]
        found: Tensor = determinant - normal.square().sum(dim=1) / 2 - channels / 2 * math.log(2 * math.pi)
        return found


def _network(inputs: int, outputs: int, *, hidden: int, kernel: int) -> nn.Sequential:
    last = nn.Conv2d(hidden, outputs, kernel, padding=kernel // 2)
    # It begins close to the identity, so that the first steps do not throw the flow far off.
    nn.init.normal_(last.weight, std=1e-2)
    assert last.bias is not None
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Conv2d(inputs, hidden, kernel, padding=kernel // 2), nn.LeakyReLU(0.1), last)


def _scale_and_shift(network: nn.Module, half: Tensor, conditions: Tensor) -> tuple[Tensor, Tensor]:
    """Both of the other half's shape; the log scale stays within +-1.9, by an arc tangent."""
    scale, shift = network(torch.cat([half, conditions], dim=1)).chunk(2, dim=1)
    return CLAMP * 2 / math.pi * torch.atan(scale / CLAMP), shift
