"""A teacher for EfficientAD where the released one isn't at hand: distilled from an encoder (Batzner 2024, A.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

STRIDE = 4  # pixels to a place of the teacher's map
MARGIN = 4  # places that its convolutions lose at each border


class Lesson(NamedTuple):
    """A picture, and what the encoder sees in it.

    Attributes:
        pixels: (1, 3, size, size) in [0, 1].
        tokens: (grid * grid, C) features of the same square, in row order.
    """

    pixels: Tensor
    tokens: Tensor


def distil(
    teacher: torch.nn.Module,
    lessons: Sequence[Lesson],
    *,
    channels: int,
    steps: int,
    learning_rate: float,
) -> None:
    """Trains the teacher to give the encoder's features, standardised by channel, one picture a step.

    Published on ImageNet with the features of a WideResNet-101, brought to the teacher's channels by averaging
    neighbouring ones, as here.

    Args:
        teacher: anomalib's patch description network, changed in place.
        lessons: The pictures to learn from; the next one is drawn with torch's own generator.
        channels: Of the teacher's output.
        steps: Of one picture each.
        learning_rate: Of Adam.
    """
    targets = [_target(lesson, channels) for lesson in lessons]
    places = torch.cat([one.flatten(1) for one in targets], dim=1)
    mean = places.mean(dim=1)[:, None, None]
    std = places.std(dim=1, correction=0).clamp_min(1e-6)[:, None, None]
    optimiser = torch.optim.Adam(teacher.parameters(), lr=learning_rate, weight_decay=1e-5)
    teacher.train()
    for _ in range(steps):
        index = int(torch.randint(len(lessons), ()))
        found = teacher(lessons[index].pixels)
        loss = F.mse_loss(found, ((targets[index] - mean) / std)[None])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    teacher.eval()


def _target(lesson: Lesson, channels: int) -> Tensor:
    """(channels, h, w) features at the places of the teacher's map."""
    size = lesson.pixels.shape[-1] // STRIDE
    grid = round(len(lesson.tokens) ** 0.5)
    fewer = F.adaptive_avg_pool1d(lesson.tokens[None], channels)[0]
    maps = fewer.T.reshape(1, channels, grid, grid)
    resized = F.interpolate(maps, size=(size, size), mode="bilinear", align_corners=False)[0]
    return resized[:, MARGIN:-MARGIN, MARGIN:-MARGIN].clone()
