"""Training the modulators and mappings on all view pairs (Sec. 3.2.2)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from modmap.config import TrainingSettings
from modmap.errors import ModMapError
from modmap.mapping.mapper import CrossViewMapper
from modmap.mapping.token_bank import TokenBank
from modmap.mapping.training_checkpoint import TrainingCheckpoint


def train(
    mapper: CrossViewMapper,
    bank: TokenBank,
    settings: TrainingSettings,
    *,
    cross_view: bool = True,
    on_epoch: Callable[[float], None] | None = None,
    checkpoint: TrainingCheckpoint | None = None,
) -> list[float]:
    """Trains a mapper in place; the same inputs and seed give the same weights.

    Args:
        mapper: The modulators and mappings.
        bank: The training scans' tokens.
        settings: Epochs, batches, the learning-rate cycle, the seed.
        cross_view: All N x N pairs of a scan, or each view with itself only.
        on_epoch: Called with the mean loss after each epoch.
        checkpoint: Where the state is kept after an epoch, and taken up from; a training that was killed ends with
            the same weights as one that wasn't.

    Returns:
        The mean loss of each epoch, in [0, 4] (Eq. 10: the sum of the two mean cosine distances).

    Raises:
        ModMapError: the loss is no longer a number, or the checkpoint is damaged.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    pairs = bank.pairs(cross_view=cross_view)
    # OneCycle divides by zero where its peak falls on the first step or its end on the second.
    steps = max(settings.epochs * math.ceil(len(pairs) / settings.pairs_per_batch), 3)
    optimiser = Adam(mapper.parameters(), lr=settings.learning_rate)
    schedule = OneCycleLR(
        optimiser,
        max_lr=settings.peak_learning_rate,
        total_steps=steps,
        pct_start=max(settings.warm_up, 2 / steps),
        anneal_strategy="cos",
        div_factor=settings.peak_learning_rate / settings.learning_rate,
    )
    inputs = training_inputs(mapper, bank, settings, cross_view) if checkpoint is not None else ""
    mapper.train()
    history: list[float] = []
    if checkpoint is not None:
        history = checkpoint.take_up(mapper, optimiser, schedule, generator, inputs=inputs)
        if on_epoch is not None:
            for before in history:
                on_epoch(before)
    for _ in range(len(history), settings.epochs):
        order = torch.randperm(len(pairs), generator=generator).to(pairs.device)
        losses: list[float] = []
        for start in range(0, len(pairs), settings.pairs_per_batch):
            batch = pairs[order[start : start + settings.pairs_per_batch]]
            loss = _step(mapper, bank, batch, optimiser, settings=settings, generator=generator)
            schedule.step()
            if loss is not None:
                losses.append(loss)
        history.append(sum(losses) / max(len(losses), 1))
        if on_epoch is not None:
            on_epoch(history[-1])
        if checkpoint is not None:
            checkpoint.keep(mapper, optimiser, schedule, generator, inputs=inputs, losses=history)
    mapper.eval()
    return history


def training_inputs(
    mapper: CrossViewMapper, bank: TokenBank, settings: TrainingSettings, cross_view: bool
) -> str:
    """What a training's result depends on, as text."""
    return f"{settings.model_dump_json()} {cross_view} {bank.digest()} {mapping_digest(mapper)}"


def mapping_digest(mapper: CrossViewMapper) -> str:
    """SHA-256 of a mapper's weights; what it expects of good parts changes no distance, and is left out."""
    weights = hashlib.sha256()
    for tensor in mapper.parameters():
        weights.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        weights.update(tensor.detach().cpu().contiguous().numpy().data)
    return weights.hexdigest()


def _step(
    mapper: CrossViewMapper,
    bank: TokenBank,
    batch: Tensor,
    optimiser: Adam,
    *,
    settings: TrainingSettings,
    generator: torch.Generator,
) -> float | None:
    pair, place = bank.places(batch)
    if len(pair) == 0:
        return None
    if settings.tokens_per_batch is not None and len(pair) > settings.tokens_per_batch:
        drawn = torch.randperm(len(pair), generator=generator)[: settings.tokens_per_batch].to(pair.device)
        pair, place = pair[drawn], place[drawn]
    image_distance, depth_distance = bank.distances(mapper, batch, pair, place)
    loss = image_distance.mean() + depth_distance.mean()
    if not torch.isfinite(loss):
        raise ModMapError(
            f"training: expected a finite loss, found {loss.item()}: lower training.peak_learning_rate"
        )
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return float(loss.detach())
