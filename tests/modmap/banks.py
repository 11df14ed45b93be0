"""Random token banks and mappers."""

from __future__ import annotations

from collections.abc import Callable

import torch

from modmap.config import TrainingSettings
from modmap.detector.training_checkpoint import TrainingCheckpoint
from modmap.mapping.mapper import CrossViewMapper
from modmap.mapping.token_bank import TokenBank
from modmap.mapping.training import Training


def random_bank(
    seed: int, *, views: int, places: int = 6, classes: int = 0, scans: int = 1, share: float = 0.7
) -> TokenBank:
    """float64 tokens of 5 image and 4 depth channels; a random foreground where each view shows something."""
    generator = torch.Generator().manual_seed(seed)
    rows = views * scans
    foreground = torch.rand(rows, places, generator=generator) < share
    foreground[torch.arange(rows), torch.randint(places, (rows,), generator=generator)] = True
    return TokenBank(
        image=torch.randn(rows, places, 5, dtype=torch.float64, generator=generator),
        depth=torch.randn(rows, places, 4, dtype=torch.float64, generator=generator),
        foreground=foreground,
        view=torch.arange(views).repeat(scans),
        category=torch.arange(scans).repeat_interleave(views) % classes if classes else None,
        scan=torch.arange(scans).repeat_interleave(views),
    )


def random_mapper(seed: int, *, views: int, classes: int = 0, conditioned: bool = True) -> CrossViewMapper:
    """A float64 mapper that is no identity."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        mapper = CrossViewMapper(
            5, 4, views=views, classes=classes, view_conditioning=conditioned, modulator_hidden=6
        ).double()
        for parameter in mapper.parameters():
            torch.nn.init.normal_(parameter, std=0.7)
    return mapper


def train(
    mapper: CrossViewMapper,
    bank: TokenBank,
    settings: TrainingSettings,
    *,
    cross_view: bool = True,
    on_epoch: Callable[[float], None] | None = None,
    checkpoint: TrainingCheckpoint | None = None,
) -> list[float]:
    """Trains a mapper from what a checkpoint holds, or from the start, to the end; the losses of all epochs."""
    training = Training(mapper, bank, settings, cross_view=cross_view)
    if checkpoint is not None:
        checkpoint.resume(training)

    def after_epoch(so_far: Training) -> None:
        if on_epoch is not None:
            on_epoch(so_far.losses[-1])
        if checkpoint is not None:
            checkpoint.keep(so_far)

    return training.run(after_epoch=after_epoch)
