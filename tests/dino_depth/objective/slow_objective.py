"""The losses and Sinkhorn-Knopp as their papers write them: one term at a time, in float64."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def probabilities(logits: Tensor, temperature: float) -> list[float]:
    """Softmax of one row."""
    powers = [math.exp(value / temperature) for value in logits.double().tolist()]
    return [power / sum(powers) for power in powers]


def cross_entropy(target: Tensor, logits: Tensor, temperature: float = 0.1) -> float:
    """H(target, softmax(logits / temperature)) of one sample."""
    pairs = zip(target.double().tolist(), probabilities(logits, temperature), strict=True)
    return -math.fsum(t * math.log(p) for t, p in pairs)


def dino(student_global: Tensor, student_local: Tensor, teacher: Tensor) -> tuple[float, float]:
    """Shares of global and of local crops in the mean over all pairs of two different crops."""
    maps = teacher.shape[1]
    to_global, to_local, pairs = 0.0, 0.0, 0
    for target, seen in enumerate(teacher):
        for other, crop in enumerate(student_global):
            if other != target:
                pairs += 1
                to_global += sum(cross_entropy(seen[b], crop[b]) for b in range(maps)) / maps
        for crop in student_local:
            pairs += 1
            to_local += sum(cross_entropy(seen[b], crop[b]) for b in range(maps)) / maps
    return to_global / pairs, to_local / pairs


def ibot(student: Tensor, teacher: Tensor, masks: Tensor) -> float:
    """Mean over the crops of the mean over their masked patches; the rows of both follow `masks.flatten()`."""
    total, row = 0.0, 0
    for mask in masks:
        count = int(mask.sum())
        for _ in range(count):
            total += cross_entropy(teacher[row], student[row]) / count
            row += 1
    return total / len(masks)


def koleo(features: Tensor) -> float:
    """-1/n sum of log min distance between the features at length 1."""
    unit = [row / row.norm() for row in features.double()]
    total = 0.0
    for i, row in enumerate(unit):
        total -= math.log(min(float((row - other).norm()) for j, other in enumerate(unit) if j != i))
    return total / len(unit)


def sinkhorn_knopp(logits: Tensor, temperature: float, iterations: int = 3) -> Tensor:
    """(M, K): the matrix itself scaled to sum 1, then its rows and columns in turn to 1 / K and 1 / M."""
    matrix = (logits.double() / temperature).exp().T
    matrix = matrix / matrix.sum()
    prototypes, samples = matrix.shape
    for _ in range(iterations):
        matrix = matrix / matrix.sum(dim=1, keepdim=True) / prototypes
        matrix = matrix / matrix.sum(dim=0, keepdim=True) / samples
    return (matrix * samples).T


def random_targets(*shape: int, generator: torch.Generator) -> Tensor:
    """Probabilities over the last dimension."""
    return (3 * torch.randn(*shape, generator=generator)).softmax(dim=-1)
