"""Centering: from the teacher's logits to targets that don't collapse onto few prototypes or spread over all.

Both kinds take (M, K) logits of M samples (class tokens, or masked patches) over K prototypes and give (M, K) float32
probabilities, each row summing to 1. The statistics are those of all processes together, which may bring different
numbers of samples, and none: each process must then still call, with (0, K) logits.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, distributed, nn


class SinkhornKnopp(nn.Module):
    """Probabilities under which all prototypes are used alike (SwAV's Sinkhorn-Knopp; DINO-v2, Sec. 4).

    exp(logits / temperature) is scaled in turn so that each prototype's sum over the samples, and each sample's over
    the prototypes, are uniform; the samples come last, so that rows are probabilities to the last digit.

    Args:
        iterations: How often both are scaled.
    """

    def __init__(self, iterations: int = 3) -> None:
        super().__init__()
        self.iterations = iterations

    @torch.no_grad()
    def forward(self, logits: Tensor, temperature: float) -> Tensor:
        """(M, K) probabilities of (M, K) logits."""
        with torch.autocast(logits.device.type, enabled=False):
            scores = logits.float()
            # A common factor drops out of the result; this one keeps the exponential in range.
            highest = scores.max() if scores.numel() else scores.new_tensor(-torch.inf)
            kernel = ((scores - _over_all_processes(highest, "max")) / temperature).exp_()
            smallest = torch.finfo(kernel.dtype).tiny
            # The scaled matrix is diag(samples) kernel diag(prototypes): only the two vectors change. A common factor
            # of one goes into the other, so they need no number of samples, which only all processes know.
            samples = kernel.new_ones(len(kernel))
            for _ in range(self.iterations):
                sums = _over_all_processes(samples @ kernel, "sum")
                prototypes = sums.mean() / sums.clamp(min=smallest)
                samples = 1 / (kernel @ prototypes).clamp(min=smallest)
            return kernel.mul_(prototypes).mul_(samples[:, None])


class SoftmaxCentering(nn.Module):
    """Softmax after subtracting a moving average of the logits (DINO, Eq. 4).

    Each call uses the centre that the calls before it left, then, in training mode, moves it.

    Args:
        prototypes: K.
        momentum: How much of the centre a call keeps, in [0, 1]; 1 turns centering off.
    """

    centre: Tensor

    def __init__(self, prototypes: int, *, momentum: float = 0.9) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("centre", torch.zeros(prototypes))

    @torch.no_grad()
    def forward(self, logits: Tensor, temperature: float) -> Tensor:
        """(M, K) probabilities of (M, K) logits."""
        scores = logits.float()
        probabilities = ((scores - self.centre) / temperature).softmax(dim=-1)
        if self.training:
            total = torch.cat([scores.sum(dim=0), scores.new_tensor([len(scores)])])
            total = _over_all_processes(total, "sum")
            count = total[-1]
            moved = self.centre.lerp(total[:-1] / count.clamp(min=1), 1 - self.momentum)
            # Without a branch on a device's value, which would wait for the device.
            usable = (count > 0) & torch.isfinite(moved).all()
            self.centre.copy_(torch.where(usable, moved, self.centre))
        return probabilities


def _over_all_processes(value: Tensor, operation: Literal["sum", "max"]) -> Tensor:
    if distributed.is_initialized():
        reduction = distributed.ReduceOp.SUM if operation == "sum" else distributed.ReduceOp.MAX
        distributed.all_reduce(value, reduction)
    return value
