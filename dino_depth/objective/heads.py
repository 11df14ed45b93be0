"""The projection head: from a token to its similarities with the prototypes (DINO, App. C)."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F


class UnitLinear(nn.Linear):
    """A linear map without bias whose rows have length 1, whatever the length of the weight's rows.

    It is a weight-normalised layer with its gain fixed at 1, kept as one plain `weight`.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., outputs) of (..., inputs)."""
        return F.linear(tokens, F.normalize(self.weight, dim=-1))


class ProjectionHead(nn.Module):
    """An MLP to a bottleneck of length 1, then the cosines with the prototypes.

    Args:
        channels: C, of the tokens.
        prototypes: K.
        hidden: Width of the MLP's hidden layers.
        bottleneck: Width of what is compared with the prototypes.
        layers: Linear layers of the MLP, the bottleneck's among them, at least 1.
    """

    def __init__(self, channels: int, prototypes: int, *, hidden: int, bottleneck: int, layers: int) -> None:
        super().__init__()
        widths = [channels, *[hidden] * (layers - 1), bottleneck]
        modules: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            linear = nn.Linear(inputs, outputs)
            nn.init.trunc_normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)
            modules += [linear, nn.GELU()]
        self.mlp = nn.Sequential(*modules[:-1])
        self.last_layer = UnitLinear(bottleneck, prototypes)

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., K) logits in [-1, 1] of (..., C) tokens."""
        # 1e-6 rather than the default 1e-12, which is 0 in float16.
        logits: Tensor = self.last_layer(F.normalize(self.mlp(tokens), dim=-1, eps=1e-6))
        return logits
