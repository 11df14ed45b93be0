"""Does it learn? A few depth maps, a tiny ViT: the loss falls and features spread; without centering they collapse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from dino_depth.data.masks import block_masks
from dino_depth.objective.centering import SoftmaxCentering
from dino_depth.objective.parameter_groups import parameter_groups, set_rates
from dino_depth.objective.schedules import ScheduleValues
from dino_depth.objective.student_teacher import StudentTeacher
from tests.dino_depth.objective.tiny import tiny_config, tiny_student_teacher

MAPS = 16
TEMPERATURE = 0.04


@dataclass(frozen=True)
class Spread:
    """How far the teacher tells the maps apart.

    Attributes:
        features: Effective rank of the class tokens.
        projected: Effective rank of what the head compares with the prototypes.
        information: Mutual information, in nats, of map and prototype under the centred targets.
    """

    features: float
    projected: float
    information: float


def _depth_maps() -> Tensor:
    """(MAPS, 1, 64, 64): tilted waves with a step, each with parameters of its own."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:64, 0:64] / 64 - 0.5
    maps = []
    for _ in range(MAPS):
        frequency, phase, centre = rng.uniform(4, 18, 2), rng.uniform(0, 6.3, 2), rng.uniform(-0.3, 0.3, 2)
        disc = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < rng.uniform(0.1, 0.3) ** 2
        wave = np.sin(frequency[0] * x + phase[0]) * np.cos(frequency[1] * y + phase[1])
        step, tilt_x, tilt_y = rng.uniform(-1, 1, 3)
        maps.append(0.5 * wave + step * disc + tilt_x * x + tilt_y * y)
    return torch.tensor(np.stack(maps), dtype=torch.float32)[:, None]


def _crops(
    maps: Tensor, count: int, size: int, scale: tuple[float, float], rng: np.random.Generator
) -> Tensor:
    crops = []
    for _ in range(count):
        for depth in maps:
            side = int(64 * np.sqrt(rng.uniform(*scale)))
            top, left = rng.integers(0, 64 - side + 1, 2)
            crop = depth[None, :, top : top + side, left : left + side]
            crops.append(F.interpolate(crop, size=(size, size), mode="bilinear")[0])
    return torch.stack(crops)


def _effective_rank(features: Tensor) -> float:
    """exp of the entropy of the singular values (RankMe) of features at length 1, in [1, their number]."""
    values = torch.linalg.svdvals(F.normalize(features.double(), dim=1))
    shares = values / values.sum()
    return float((-(shares * (shares + 1e-12).log()).sum()).exp())


def _spread(model: StudentTeacher, maps: Tensor) -> Spread:
    model.eval()
    with torch.no_grad():
        features = model.teacher.backbone(F.interpolate(maps, size=(56, 56)))
        scores = model.teacher.dino_head(features)
        if isinstance(model.dino_centering, SoftmaxCentering):
            scores = scores - model.dino_centering.centre
        targets = (scores / TEMPERATURE).softmax(dim=1).double()
        mean = targets.mean(dim=0)
        information = torch.xlogy(targets, targets).sum(dim=1).mean() - torch.xlogy(mean, mean).sum()
        projected = model.teacher.dino_head.mlp(features)
    return Spread(_effective_rank(features), _effective_rank(projected), float(information))


def _train(
    centering: Literal["sinkhorn_knopp", "softmax", "none"],
    *,
    koleo: float,
    steps: int = 80,
    momentum: float = 0.9,
) -> tuple[list[float], Spread, Spread]:
    """Losses, and the spread before and after."""
    kind = "sinkhorn_knopp" if centering == "sinkhorn_knopp" else "softmax"
    model = tiny_student_teacher(tiny_config(losses={"centering": kind, "koleo": koleo}))
    if centering == "none":
        model.dino_centering, model.ibot_centering = (SoftmaxCentering(64, momentum=1.0) for _ in range(2))
    maps, rng = _depth_maps(), np.random.default_rng(1)
    optimizer = torch.optim.AdamW(parameter_groups(model.student))
    set_rates(optimizer, ScheduleValues(1e-3, 1e-3, 0.04, momentum, TEMPERATURE))
    before, losses = _spread(model, maps), []
    for _ in range(steps):
        model.train()
        found = model(
            _crops(maps, 2, 56, (0.5, 1.0), rng),
            _crops(maps, 2, 28, (0.2, 0.5), rng),
            block_masks(2 * MAPS, (4, 4), rng=rng),
            teacher_temperature=TEMPERATURE,
        )
        optimizer.zero_grad()
        found["total"].backward()
        torch.nn.utils.clip_grad_norm_(model.student.parameters(), 3.0)
        optimizer.step()
        model.update_teacher(momentum)
        losses.append(found["total"].item())
    return losses, before, _spread(model, maps)


@pytest.fixture(autouse=True)
def _one_thread() -> object:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class TestLearning:
    def test_sinkhorn_knopp__loss_falls_and_features_spread(self) -> None:
        losses, before, after = _train("sinkhorn_knopp", koleo=0.1)
        assert np.mean(losses[-5:]) < 0.65 * np.mean(losses[:5])
        assert after.features > 1.2 * before.features
        assert after.projected > before.projected
        assert after.information > 1.0

    def test_softmax__features_spread(self) -> None:
        _, before, after = _train("softmax", koleo=0.1, steps=100, momentum=0.95)
        assert after.features > 1.1 * before.features
        assert after.information > 0.5

    def test_none__collapses_where_centering_does_not(self) -> None:
        """Centering by itself: without KoLeo, which would hold the features apart."""
        losses, before, collapsed = _train("none", koleo=0.0)
        _, _, centred = _train("sinkhorn_knopp", koleo=0.0)
        # The loss of a collapse is the best there is, which is why the loss alone tells nothing.
        assert np.mean(losses[-5:]) < 1.0
        assert collapsed.projected < 0.6 * before.projected
        assert collapsed.information < 0.02
        assert centred.projected > 1.5 * collapsed.projected
        assert centred.information > 0.5
