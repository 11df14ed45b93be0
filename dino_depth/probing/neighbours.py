"""Do class tokens tell families of parts apart? Weighted nearest neighbours, as DINO measures it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from dino_depth.errors import DinoDepthError

NEIGHBOURS = 10
TEMPERATURE = 0.07  # of the neighbours' weights (DINO, Caron 2021)


def neighbour_accuracy(
    tokens: Tensor, categories: Sequence[str], parts: Sequence[Hashable], *, neighbours: int = NEIGHBOURS
) -> float:
    """The share of maps whose nearest neighbours by cosine, each weighing exp(cosine / 0.07), name their category.

    A map is never a neighbour of itself or of another map of its own part: it is told by other parts alone.

    Args:
        tokens: (B, C) class tokens.
        categories: B names.
        parts: B ids; two maps have the same one if they show the same part.
        neighbours: How many vote; fewer where there are fewer other parts' maps.

    Returns:
        From 0 to 1, over the maps of `judged`. A tie goes to the category whose name comes first.

    Raises:
        DinoDepthError: `judged` leaves no map.
    """
    rows = judged(categories, parts)
    if not rows:
        raise DinoDepthError(why_not(categories, parts))
    names = sorted(set(categories))
    number = {name: index for index, name in enumerate(names)}
    labels = torch.tensor([number[name] for name in categories])
    places = {part: index for index, part in enumerate(dict.fromkeys(parts))}
    part = torch.tensor([places[one] for one in parts])
    unit = F.normalize(tokens.double(), dim=-1)
    cosines = unit[rows] @ unit.T
    cosines[part[rows][:, None] == part[None]] = -torch.inf
    values, nearest = cosines.topk(min(neighbours, len(tokens)), dim=1)
    votes = torch.zeros(len(rows), len(names), dtype=torch.float64)
    # Those of the map's own part, at minus infinity, weigh nothing.
    votes.scatter_add_(1, labels[nearest], (values / TEMPERATURE).exp())
    return float((votes.argmax(1) == labels[rows]).double().mean())


def chance(categories: Sequence[str], parts: Sequence[Hashable]) -> float:
    """The accuracy, over the same maps, of always naming the category with the most of them; from 0 to 1."""
    rows = judged(categories, parts)
    return max(Counter(categories[row] for row in rows).values()) / len(rows)


def judged(categories: Sequence[str], parts: Sequence[Hashable]) -> list[int]:
    """The maps that have others to be told by: those of categories with at least two parts.

    None, if only one category has.
    """
    parts_of: dict[str, set[Hashable]] = defaultdict(set)
    for category, part in zip(categories, parts, strict=True):
        parts_of[category].add(part)
    several = {category for category, found in parts_of.items() if len(found) > 1}
    return [row for row, category in enumerate(categories) if category in several and len(several) > 1]


def why_not(categories: Sequence[str], parts: Sequence[Hashable]) -> str | None:
    """Why nearest neighbours can't be measured; None if they can."""
    if judged(categories, parts):
        return None
    counts = Counter(category for category, _ in dict.fromkeys(zip(categories, parts, strict=True)))
    found = ", ".join(f"{name} with {count}" for name, count in sorted(counts.items())[:5])
    return f"expected two categories with two parts each, found {found}{' ...' if len(counts) > 5 else ''}"
