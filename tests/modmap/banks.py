"""Random token banks and mappers."""

from __future__ import annotations

import torch

from modmap.mapping.mapper import CrossViewMapper
from modmap.mapping.token_bank import TokenBank


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
