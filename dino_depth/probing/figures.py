"""Figures of tokens that need no labels: effective rank, smoothness, what a linear map can read from them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

RIDGE = 1e-3
TINY = 1e-12


def rank_me(features: Tensor) -> float:
    """The effective rank: exp of the entropy of the singular values, normalised to sum 1 (RankMe, Garrido 2023).

    Args:
        features: (M, C).

    Returns:
        From 1 to the smaller of M and C.
    """
    rows = features.double()
    # Of the smaller Gram matrix: many times cheaper than those of all rows, and as good for an entropy.
    gram = rows.T @ rows if rows.shape[0] > rows.shape[1] else rows @ rows.T
    values = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt()
    shares = values / values.sum().clamp(min=TINY) + TINY
    return float(torch.exp(-(shares * shares.log()).sum()))


def smoothness(patches: Tensor) -> float:
    """How much more alike patches beside one another are than any two of a map: a difference of mean cosines.

    Args:
        patches: (B, h, w, C).
    """
    unit = F.normalize(patches.double(), dim=-1)
    beside = torch.cat(
        [
            (unit[:, 1:] * unit[:, :-1]).sum(-1).flatten(),
            (unit[:, :, 1:] * unit[:, :, :-1]).sum(-1).flatten(),
        ]
    )
    flat = unit.flatten(1, 2)
    count = flat.shape[1]
    total = (flat.sum(1) ** 2).sum(-1) - count
    return float(beside.mean() - (total / (count * (count - 1))).mean())


def linear_probe(features: Tensor, targets: Tensor, *, held: Tensor) -> float:
    """R^2 on held-out rows of a ridge regression fitted to the others; 1 is perfect, 0 a constant.

    Args:
        features: (M, C).
        targets: (M, D).
        held: (M,) bool, true for the rows held out.
    """
    rows = features.double()
    mean, deviation = rows[~held].mean(0), rows[~held].std(0).clamp(min=1e-6)
    rows = (rows - mean) / deviation
    rows = torch.cat([rows, torch.ones(len(rows), 1, dtype=rows.dtype)], dim=1)
    fitted, goal = rows[~held], targets.double()
    gram = fitted.T @ fitted + RIDGE * len(fitted) * torch.eye(fitted.shape[1], dtype=rows.dtype)
    weights = torch.linalg.solve(gram, fitted.T @ goal[~held])
    error = ((rows[held] @ weights - goal[held]) ** 2).sum()
    spread = ((goal[held] - goal[held].mean(0)) ** 2).sum()
    return float(1 - error / spread.clamp(min=TINY))
