"""Trainings and maps kept beside the tokens: what has been computed from the same tokens isn't computed again.

The modes that an evaluation compares often share their training, as those of the aggregation do, or all but the last
step. Times are kept with what they were spent on, so that a run that recalls reports what the work takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from modmap.config import TrainingSettings
from modmap.detector.expected import GoodDistances
from modmap.encoding.token_cache import TokenCache
from modmap.mapping.anomaly_maps import refined_maps
from modmap.mapping.mapper import CrossViewMapper
from modmap.mapping.token_bank import TokenBank
from modmap.mapping.training import mapping_digest, train, training_inputs
from modmap.mapping.training_checkpoint import TrainingCheckpoint


def train_or_recall(
    mapper: CrossViewMapper,
    bank: TokenBank,
    settings: TrainingSettings,
    *,
    cross_view: bool,
    cache: TokenCache | None,
    on_epoch: Callable[[float], None] | None = None,
    checkpoint: TrainingCheckpoint | None = None,
) -> tuple[list[float], float]:
    """Trains a mapper in place, or gives it the weights that the same training ended with.

    Args:
        mapper: With its initial weights.
        bank: The training scans' tokens.
        settings: Of the training.
        cross_view: As in `train`.
        cache: Where the weights are kept, or None.
        on_epoch: As in `train`.
        checkpoint: As in `train`.

    Returns:
        The mean loss of each epoch, and the seconds that the training took when it was carried out.

    Raises:
        ModMapError: as `train`.
    """
    started = time.perf_counter()
    key = (
        None
        if cache is None
        else TokenCache.key_of(f"training {training_inputs(mapper, bank, settings, cross_view)}")
    )
    kept = None if cache is None or key is None else cache.read(key)
    count = sum(one.numel() for one in mapper.parameters())
    if kept is not None and kept.shape == (1 + settings.epochs + count,):
        seconds, losses, weights = (
            kept[0],
            kept[1 : 1 + settings.epochs].tolist(),
            kept[1 + settings.epochs :],
        )
        vector_to_parameters(weights.to(next(mapper.parameters())), mapper.parameters())
        mapper.eval()
        if on_epoch is not None:
            for loss in losses:
                on_epoch(loss)
        return losses, float(seconds)
    losses = train(mapper, bank, settings, cross_view=cross_view, on_epoch=on_epoch, checkpoint=checkpoint)
    took = time.perf_counter() - started
    if cache is not None and key is not None:
        with torch.no_grad():
            weights = parameters_to_vector(mapper.parameters()).double().cpu()
        cache.write(key, torch.cat([torch.tensor([took, *losses], dtype=torch.float64), weights]))
    return losses, took


def map_or_recall(
    mapper: CrossViewMapper, bank: TokenBank, *, cross_view: bool, cache: TokenCache | None
) -> tuple[Tensor, Tensor, float]:
    """The refined maps of a scan, computed or recalled.

    Args:
        mapper: The trained mappings.
        bank: The scan's tokens.
        cross_view: As in `refined_maps`.
        cache: Where maps are kept, or None.

    Returns:
        (N, L) image map and (N, L) depth map as `refined_maps` gives them, and the seconds that they took when they
        were computed.
    """
    started = time.perf_counter()
    key, kept = None, None
    if cache is not None:
        key = TokenCache.key_of(f"maps {mapping_digest(mapper)} {cross_view} {bank.digest()}")
        kept = cache.read(key)
    shape = bank.foreground.shape
    if kept is not None and kept.shape == (1 + 2 * shape.numel(),):
        image_map, depth_map = kept[1:].to(bank.image).reshape(2, *shape)
        return image_map, depth_map, float(kept[0])
    image_map, depth_map = refined_maps(mapper, bank, cross_view=cross_view)
    took = time.perf_counter() - started
    if cache is not None and key is not None:
        flat = torch.stack([image_map, depth_map]).flatten().double().cpu()
        cache.write(key, torch.cat([torch.tensor([took], dtype=torch.float64), flat]))
    return image_map, depth_map, took


def good_distances(
    mapper: CrossViewMapper, bank: TokenBank, *, cross_view: bool, cache: TokenCache | None
) -> GoodDistances:
    """The distances of one good scan, for `modmap.detector.expected`; the arguments are those of `map_or_recall`."""
    image_map, depth_map, _ = map_or_recall(mapper, bank, cross_view=cross_view, cache=cache)
    category = 0 if bank.category is None else int(bank.category[0])
    return GoodDistances(category, bank.view, image_map, depth_map)
