"""How far the tokens of a good part lie from their predictions, place by place: what a distance is held against.

A mapping predicts some places worse than others, above all where the part ends and a token shows other shares of it
from scan to scan. The paper takes distances as they are; the largest of a good scan then lie on its rims.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modmap.config import Aggregation
from modmap.volume import aggregate

Modality = Literal["image", "depth"]
MODALITIES: tuple[Modality, Modality] = ("image", "depth")

TYPICAL = 0.99
UNSEEN = 0.95  # quantile of all distances that is expected where no good scan showed the part


@dataclass(frozen=True, eq=False)
class GoodDistances:
    """The distances of one good scan.

    Attributes:
        category: The scan's class, 0 for a class-specific model.
        view: (N,) int64 indices of its views among those the model knows.
        image: (N, L) distances in the image modality, infinite where a token isn't mapped.
        depth: (N, L) likewise in the depth modality.
    """

    category: int
    view: Tensor
    image: Tensor
    depth: Tensor


class ExpectedDistances(nn.Module):
    """The largest distance that a good part has shown at a place or beside it, plus the median of all.

    Args:
        classes: K of the model; 0 for a class-specific one.
        views: V, known views.
        places: L, tokens of a view.
    """

    image: Tensor
    depth: Tensor

    def __init__(self, classes: int, views: int, places: int) -> None:
        super().__init__()
        for modality in MODALITIES:
            self.register_buffer(modality, torch.ones(max(classes, 1), views, places))

    def learn(self, good: Sequence[GoodDistances]) -> None:
        """Takes what is expected from good scans, at least one of every class.

        Args:
            good: Their distances.
        """
        for modality in MODALITIES:
            expected: Tensor = getattr(self, modality)
            for category in range(len(expected)):
                of_class = [(one.view, getattr(one, modality)) for one in good if one.category == category]
                expected[category] = _expected(of_class, views=expected.shape[1])

    def relative(
        self, image_map: Tensor, depth_map: Tensor, *, view: Tensor, category: int | Tensor = 0
    ) -> tuple[Tensor, Tensor]:
        """Distances in multiples of the expected ones.

        Args:
            image_map: (N, L) distances in the image modality; infinite ones stay so.
            depth_map: (N, L) distances in the depth modality.
            view: (N,) int64 indices of their views.
            category: The scan's class, or (N,) that of each view.
        """
        return image_map / self.image[category, view], depth_map / self.depth[category, view]


def held_out(
    expected: ExpectedDistances, as_they_are: Sequence[GoodDistances], copies: Sequence[GoodDistances]
) -> Iterator[tuple[GoodDistances, Tensor, Tensor]]:
    """Each nudged copy as a good scan that is new: held against the training scans and all the other copies.

    Args:
        expected: Learns from those, for each copy anew.
        as_they_are: Distances of the training scans, at least one of every class.
        copies: Distances of the copies.

    Yields:
        A copy, and its image map and depth map in multiples of what the others show.
    """
    for index, copy in enumerate(copies):
        expected.learn([*as_they_are, *copies[:index], *copies[index + 1 :]])
        yield copy, *expected.relative(copy.image, copy.depth, view=copy.view, category=copy.category)


def learn_and_score(
    expected: ExpectedDistances,
    as_they_are: Sequence[GoodDistances],
    copies: Sequence[GoodDistances],
    *,
    aggregation: Aggregation,
) -> float:
    """Learns what is expected from training scans and their nudged copies, and scores each copy by all the others.

    Args:
        expected: Learns.
        as_they_are: Distances of the training scans, at least one of every class.
        copies: Distances of the copies, at least one.
        aggregation: Of the two modalities.

    Returns:
        The score that one in a hundred of a copy's tokens exceeds, the median over the copies. Their largest says
        little: a single token that no other copy showed may score ten times as much.
    """
    scores = []
    for copy, image_map, depth_map in held_out(expected, as_they_are, copies):
        mapped = copy.image.isfinite()
        image_part, depth_part = (one[mapped].cpu().numpy() for one in (image_map, depth_map))
        scores.append(float(np.quantile(aggregate(image_part, depth_part, aggregation), TYPICAL)))
    expected.learn([*as_they_are, *copies])
    return float(np.median(scores))


def _expected(found: Sequence[tuple[Tensor, Tensor]], *, views: int) -> Tensor:
    """(views, L) from the (N,) views and (N, L) distances of each scan."""
    places = found[0][1].shape[1]
    largest = torch.full((views, places), -torch.inf, device=found[0][1].device)
    for view, distances in found:
        known = torch.where(distances.isfinite(), distances, -torch.inf)
        largest[view] = torch.maximum(largest[view], known)
    values = np.concatenate([one[one.isfinite()].cpu().numpy() for _, one in found])
    side = math.isqrt(places)
    beside = F.max_pool2d(largest.reshape(views, 1, side, side), 3, stride=1, padding=1).reshape(
        views, places
    )
    unseen = float(np.quantile(values, UNSEEN))
    return torch.where(beside.isfinite(), beside, unseen) + float(np.median(values))
