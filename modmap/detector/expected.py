"""How far the tokens of a good part lie from their predictions, place by place: what a distance is normalised by.

A mapping predicts some places worse than others, above all where the part ends and a token shows other shares of it
from scan to scan. The paper takes distances as they are; the largest of a good scan then lie on its rims. Where the
part shows in some good scans only, nothing is learnt that would hold for the next: its neighbours speak for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modmap.joining import aggregate
from modmap.types import MODALITIES, Aggregation

TYPICAL = 0.99
UNSEEN = 0.95  # quantile of all distances that is expected where no good scan showed the part


@dataclass(frozen=True, eq=False)
class ScanDistances:
    """How far the tokens of one scan lie from their predictions.

    Attributes:
        category: The scan's class, 0 for a class-specific model.
        view: (N,) int64 indices of its views among those the model knows.
        image: (N, L) distances in the image modality, infinite where a token isn't mapped.
        depth: (N, L) distances in the depth modality.
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

    Attributes:
        image: (K or 1, V, L) expected in the image modality.
        depth: (K or 1, V, L) expected in the depth modality.
        edge: (K or 1, V, L) bool: the part's edge; some good scan mapped the place or one beside it, but not every one
            mapped the place.
    """

    image: Tensor
    depth: Tensor
    edge: Tensor

    def __init__(self, classes: int, views: int, places: int) -> None:
        super().__init__()
        for modality in MODALITIES:
            self.register_buffer(modality, torch.ones(max(classes, 1), views, places))
        self.register_buffer("edge", torch.zeros(max(classes, 1), views, places, dtype=torch.bool))

    def learn(self, good: Sequence[ScanDistances]) -> None:
        """Takes what is expected from good scans, at least one of every class.

        Args:
            good: Their distances.
        """
        for category in range(len(self.edge)):
            of_class = [one for one in good if one.category == category]
            for modality in MODALITIES:
                expected: Tensor = getattr(self, modality)
                expected[category] = _expected(
                    [(one.view, getattr(one, modality)) for one in of_class], views=expected.shape[1]
                )
            self.edge[category] = _edge(
                [(one.view, one.image.isfinite()) for one in of_class], views=self.edge.shape[1]
            )

    def relative(
        self, image_map: Tensor, depth_map: Tensor, *, view: Tensor, category: int | Tensor = 0
    ) -> tuple[Tensor, Tensor]:
        """Distances in multiples of the expected ones.

        Args:
            image_map: (N, L) distances in the image modality; infinite ones stay so.
            depth_map: (N, L) distances in the depth modality.
            view: (N,) int64 indices of their views.
            category: The scan's class, or (N,) that of each view.

        Returns:
            Both; infinite also on the part's edge beside a place that isn't, for that one to speak for it
            (`modmap.encoding.rim.spread_to_rim`).
        """
        edge = self.edge[category, view]
        spoken_for = edge & _beside(image_map.isfinite() & ~edge)
        image, depth = (
            torch.where(spoken_for, torch.inf, found / expected[category, view])
            for found, expected in ((image_map, self.image), (depth_map, self.depth))
        )
        return image, depth


def held_out(
    expected: ExpectedDistances, as_they_are: Sequence[ScanDistances], copies: Sequence[ScanDistances]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Each jittered copy as a good scan that is new: compared with the training scans and all the other copies.

    Args:
        expected: Learns from those, for each copy anew.
        as_they_are: Distances of the training scans, at least one of every class.
        copies: Distances of the copies.

    Yields:
        The image map and depth map of each copy, in order, in multiples of what the others show.
    """
    for index, copy in enumerate(copies):
        expected.learn([*as_they_are, *copies[:index], *copies[index + 1 :]])
        yield expected.relative(copy.image, copy.depth, view=copy.view, category=copy.category)


def learn_and_score(
    expected: ExpectedDistances,
    as_they_are: Sequence[ScanDistances],
    copies: Sequence[ScanDistances],
    *,
    aggregation: Aggregation,
) -> float:
    """Learns what is expected from training scans and their jittered copies, and scores each copy by all the others.

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
    for image_map, depth_map in held_out(expected, as_they_are, copies):
        mapped = image_map.isfinite()
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
    there = _largest_around(largest)
    unseen = float(np.quantile(values, UNSEEN))
    return torch.where(there.isfinite(), there, unseen) + float(np.median(values))


def _edge(found: Sequence[tuple[Tensor, Tensor]], *, views: int) -> Tensor:
    """(views, L) bool from the (N,) views and (N, L) mapped places of each scan."""
    mapped = torch.zeros(views, found[0][1].shape[1], dtype=torch.int64, device=found[0][1].device)
    scans = torch.zeros(views, 1, dtype=torch.int64, device=mapped.device)
    for view, places in found:
        mapped[view] += places.long()
        scans[view] += 1
    return _beside(mapped > 0) & (mapped < scans)


def _beside(places: Tensor) -> Tensor:
    """(V, L) bool: the place or one of the eight around it is among some places (V, L)."""
    return _largest_around(places.float()) > 0


def _largest_around(values: Tensor) -> Tensor:
    """(V, L) the largest of some values (V, L) at each place and the eight around it."""
    side = math.isqrt(values.shape[1])
    square = values.reshape(len(values), 1, side, side)
    return F.max_pool2d(square, 3, stride=1, padding=1).reshape(values.shape)
