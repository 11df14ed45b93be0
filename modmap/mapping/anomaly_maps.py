"""From tokens to refined anomaly maps: N x N distances, the minimum over source views (Sec. 3.2.3)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from modmap.mapping.mapper import CrossViewMapper
from modmap.mapping.token_bank import TokenBank

TOKENS_AT_ONCE = 16384


@torch.inference_mode()
def refined_maps(
    mapper: CrossViewMapper, bank: TokenBank, *, cross_view: bool = True
) -> tuple[Tensor, Tensor]:
    """Eqs. 11 and 12: for every view and place, the smallest distance over all source views.

    A source view takes part where it shows the part at that place; the view itself always does. Memory grows with
    the number of views, not with its square.

    Args:
        mapper: The trained mappings.
        bank: The tokens of one scan.
        cross_view: False compares each view with its own prediction only.

    Returns:
        (N, L) image map and (N, L) depth map, in [0, 2]; infinite in the background.
    """
    shape = bank.foreground.shape
    image_map = bank.image.new_full(shape, torch.inf)
    depth_map = bank.depth.new_full(shape, torch.inf)
    for pairs in _chunks(bank, cross_view=cross_view):
        pair, place = bank.places(pairs)
        image_distance, depth_distance = bank.distances(mapper, pairs, pair, place)
        flat = pairs[pair, 1] * shape[1] + place
        image_map.view(-1).scatter_reduce_(0, flat, image_distance, "amin")
        depth_map.view(-1).scatter_reduce_(0, flat, depth_distance, "amin")
    return image_map, depth_map


@torch.inference_mode()
def pair_maps(mapper: CrossViewMapper, bank: TokenBank) -> Iterator[tuple[int, int, Tensor, Tensor]]:
    """The N x N maps before the minimum (Figs. 9 and 10), one pair at a time.

    Yields:
        Source and target index, (L,) image distances and (L,) depth distances; infinite where either view shows
        background.
    """
    for pairs in torch.split(bank.pairs(cross_view=True), 1):
        pair, place = bank.places(pairs)
        maps = bank.image.new_full((2, bank.foreground.shape[1]), torch.inf)
        maps[0, place], maps[1, place] = bank.distances(mapper, pairs, pair, place)
        yield int(pairs[0, 0]), int(pairs[0, 1]), maps[0], maps[1]


def _chunks(bank: TokenBank, *, cross_view: bool) -> Iterator[Tensor]:
    at_once = max(1, TOKENS_AT_ONCE // bank.foreground.shape[1])
    yield from torch.split(bank.pairs(cross_view=cross_view), at_once)
