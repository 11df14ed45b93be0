"""Nominal features to compare with: a greedy coreset, its nearest neighbours, PatchCore's weight of a score."""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
import torch
from torch import Tensor

from modmap.errors import ModMapError

NUMBERS_AT_ONCE = 2**25  # in one tensor: distances to all of the bank, or differences in all channels
PROJECTED = 300  # random projection to fewer features than these gains nothing


def coreset(features: Tensor, *, share: float, most: int, seed: int) -> Tensor:
    """Picks features that leave none far from a picked one: greedily the farthest first (Roth 2022, Alg. 1).

    Args:
        features: (N, C).
        share: Of them to pick, in (0, 1].
        most: Never more than so many.
        seed: Of the first one, and of the random projection in which distances of many channels are measured.

    Returns:
        (K, C) the picked features; all of them, in their order, where as many are wanted.

    Raises:
        ModMapError: anomalib isn't installed.
    """
    wanted = min(max(1, round(share * len(features))), most)
    if wanted >= len(features):
        return features
    return features[torch.tensor(coreset_indices(features, wanted, seed=seed), device=features.device)]


def coreset_indices(features: Tensor, wanted: int, *, seed: int) -> list[int]:
    """Indices of the greedy coreset of features (N, C), by anomalib.

    Raises:
        ModMapError: anomalib isn't installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from anomalib.models.components import KCenterGreedy
    except ImportError as error:
        raise ModMapError(f"the coreset needs anomalib (pip install anomalib): {error}") from None
    # Without its second axis the selection would project the features at random first.
    given = features if features.shape[1] > PROJECTED else features[:, None]
    sampler = KCenterGreedy(given, sampling_ratio=1.0)
    sampler.coreset_size = 1
    drawn = np.random.get_state()
    devices = [features.device] if features.is_cuda else []
    try:
        with torch.random.fork_rng(devices=devices), contextlib.redirect_stderr(io.StringIO()):
            torch.manual_seed(seed)
            np.random.seed(seed)
            picked = [int(index) for index in sampler.select_coreset_idxs()]
            # Its own loop keeps a tensor of every step, between which the heap can't take back what the steps used:
            # 36 views came to 12 GB.
            while len(picked) < wanted:
                sampler.update_distances(picked[-1])
                picked.append(int(sampler.get_new_idx()))
            return picked
    finally:
        np.random.set_state(drawn)


@torch.inference_mode()
def nearest(queries: Tensor, bank: Tensor, *, count: int = 1) -> tuple[Tensor, Tensor]:
    """The nearest features of a bank, some queries at a time, so that memory does not grow with their number.

    Args:
        queries: (Q, C).
        bank: (M, C).
        count: K, how many; all of the bank where it has fewer.

    Returns:
        (Q, K) Euclidean distances, the nearest first, and (Q, K) their indices.
    """
    count = min(count, len(bank))
    # What all features have in common would drown what they differ by in rounding.
    common = bank.mean(dim=0)
    centred = bank - common
    squared = (centred**2).sum(dim=1)
    at_once = max(1, NUMBERS_AT_ONCE // max(bank.shape))
    distances, indices = [], []
    for some in torch.split(queries, at_once):
        # The query's own square changes no order.
        found = (
            torch.addmm(squared, some - common, centred.T, alpha=-2).topk(count, dim=1, largest=False).indices
        )
        # Anew from the difference: the sum of squares above has lost the small distances to rounding.
        distance = torch.stack([(some - bank[found[:, k]]).norm(dim=1) for k in range(count)], dim=1)
        order = distance.argsort(dim=1)
        distances.append(distance.gather(1, order))
        indices.append(found.gather(1, order))
    return torch.cat(distances), torch.cat(indices)


@torch.inference_mode()
def reweighted(score: Tensor, query: Tensor, neighbour: Tensor, bank: Tensor, *, count: int) -> float:
    """PatchCore's score of an image (Roth 2022, Eq. 7): less where the nearest nominal feature lies in a crowd.

    Args:
        score: The distance of the image's most anomalous feature to the nearest of the bank.
        query: (C,) that feature.
        neighbour: (C,) the bank's nearest.
        bank: (M, C).
        count: b, how many of the bank's features around the neighbour are asked; 1 leaves the score as it is,
            and so does a bank of one feature.
    """
    if min(count, len(bank)) == 1:
        return float(score)
    _, around = nearest(neighbour[None], bank, count=count)
    weights = torch.softmax((bank[around[0]] - query).norm(dim=1), dim=0)
    return float((1 - weights[0]) * score)
