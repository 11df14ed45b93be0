"""Figures of tokens that need no labels: effective rank, smoothness, what a linear map can read from them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
FOLDS = 4
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


def linear_probe(features: Tensor, targets: Tensor, *, held: Tensor, parts: Tensor) -> float:
    """R^2 on held-out rows of a ridge regression fitted to the others; 1 is perfect, 0 a constant.

    The ridge is the one of `RIDGES` that does best across folds of the fitted parts, so that wide tokens aren't judged
    by how they overfit.

    Args:
        features: (M, C).
        targets: (M, D).
        held: (M,) bool, true for the rows held out.
        parts: (M,) int64, the part that each row is of; a part's rows are in one fold together.
    """
    rows = features.double()
    mean, deviation = rows[~held].mean(0), rows[~held].std(0).clamp(min=1e-6)
    rows = (rows - mean) / deviation
    known = targets.double()
    known = known - known[~held].mean(0)
    fitted, goal = rows[~held], known[~held]
    fold = torch.unique(parts[~held], return_inverse=True)[1] % FOLDS
    errors = torch.zeros(len(RIDGES), dtype=rows.dtype)
    for number in range(int(fold.max()) + 1 if fold.any() else 0):
        left_out = fold == number
        predicted = fitted[left_out] @ _ridge_weights(fitted[~left_out], goal[~left_out])
        errors += ((predicted - goal[left_out]) ** 2).sum((1, 2))
    weights = _ridge_weights(fitted, goal)[errors.argmin()]
    error = ((rows[held] @ weights - known[held]) ** 2).sum()
    spread = ((known[held] - known[held].mean(0)) ** 2).sum()
    return float(1 - error / spread.clamp(min=TINY))


def _ridge_weights(rows: Tensor, goal: Tensor) -> Tensor:
    """(ridges, C, D) weights for each ridge, of which each counts as often as there are rows."""
    values, vectors = torch.linalg.eigh(rows.T @ rows)
    projected = vectors.T @ (rows.T @ goal)
    return torch.stack([vectors @ (projected / (values + ridge * len(rows))[:, None]) for ridge in RIDGES])
