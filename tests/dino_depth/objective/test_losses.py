"""The losses against references written from the papers, closed forms, and a second process."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dino_depth.objective.losses import DinoLoss, IBotLoss, KoLeo
from tests.dino_depth.objective import slow_objective as slow
from tests.dino_depth.objective.processes import in_processes


def _koleo_of_a_half(rank: int) -> dict[str, Any]:
    everyone = torch.randn(6, 5, generator=torch.Generator().manual_seed(3))
    half = everyone.view(2, 3, 5)[rank].clone().requires_grad_()
    loss = KoLeo()(half)
    loss.backward()
    alone = torch.randn(2, 5, generator=torch.Generator().manual_seed(4))[rank : rank + 1]
    return {"loss": loss.item(), "gradient": half.grad, "alone": KoLeo()(alone).item()}


class TestDinoLoss:
    @given(
        seed=st.integers(0, 1000),
        maps=st.integers(1, 3),
        local=st.integers(0, 3),
        prototypes=st.integers(2, 9),
    )
    @settings(max_examples=20, deadline=None)
    def test_forward__as_the_slow_reference(self, seed: int, maps: int, local: int, prototypes: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        student_global = torch.rand(2, maps, prototypes, generator=generator) * 2 - 1
        student_local = torch.rand(local, maps, prototypes, generator=generator) * 2 - 1
        teacher = slow.random_targets(2, maps, prototypes, generator=generator)
        found = DinoLoss()(student_global, student_local, teacher)
        expected = slow.dino(student_global, student_local, teacher)
        assert [part.item() for part in found] == pytest.approx(expected, rel=1e-5, abs=1e-6)

    def test_forward__a_global_crop_is_not_compared_with_itself(self) -> None:
        """Students that agree with the other crop's teacher have no loss, those that agree with their own have."""
        teacher = torch.eye(2)[:, None]
        none = torch.zeros(0, 1, 2)
        assert sum(DinoLoss()(20 * teacher.flip(0), none, teacher)).item() == pytest.approx(0, abs=1e-6)
        assert sum(DinoLoss()(20 * teacher, none, teacher)).item() > 100

    def test_forward__float16_logits_are_compared_in_float32(self) -> None:
        generator = torch.Generator().manual_seed(0)
        student = (torch.rand(2, 4, 300, generator=generator) * 2 - 1).half()
        teacher = slow.random_targets(2, 4, 300, generator=generator)
        found = DinoLoss()(student, student, teacher)
        assert found[0].dtype == torch.float32
        assert [part.item() for part in found] == pytest.approx(
            slow.dino(student, student, teacher), rel=1e-5
        )


class TestIBotLoss:
    @given(seed=st.integers(0, 1000), crops=st.integers(1, 4), prototypes=st.integers(2, 9))
    @settings(max_examples=20, deadline=None)
    def test_forward__as_the_slow_reference(self, seed: int, crops: int, prototypes: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        masks = torch.rand(crops, 6, generator=generator) < 0.4
        student = torch.rand(int(masks.sum()), prototypes, generator=generator) * 2 - 1
        teacher = slow.random_targets(len(student), prototypes, generator=generator)
        found = IBotLoss()(student, teacher, masks).item()
        assert found == pytest.approx(slow.ibot(student, teacher, masks), rel=1e-5, abs=1e-7)

    def test_forward__nothing_masked_is_0_with_a_gradient(self) -> None:
        student = torch.zeros(0, 5, requires_grad=True)
        loss = IBotLoss()(student, torch.zeros(0, 5), torch.zeros(2, 6, dtype=torch.bool))
        loss.backward()
        assert loss.item() == 0
        assert student.grad is not None


class TestKoLeo:
    @given(seed=st.integers(0, 1000), count=st.integers(2, 7), channels=st.integers(2, 6))
    @settings(max_examples=30, deadline=None)
    def test_forward__as_the_slow_reference(self, seed: int, count: int, channels: int) -> None:
        features = torch.randn(count, channels, generator=torch.Generator().manual_seed(seed))
        assert KoLeo()(features).item() == pytest.approx(slow.koleo(features), abs=2e-4)

    def test_forward__regular_polygon_has_its_side(self) -> None:
        """n points evenly on the unit circle are 2 sin(pi / n) from their neighbours, whatever their lengths."""
        angles = torch.arange(7) * 2 * math.pi / 7
        features = torch.stack([angles.cos(), angles.sin()], dim=1) * torch.arange(1, 8)[:, None]
        assert KoLeo()(features).item() == pytest.approx(-math.log(2 * math.sin(math.pi / 7)), abs=1e-5)

    def test_forward__one_feature_is_0_with_a_gradient(self) -> None:
        feature = torch.randn(1, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
        loss = KoLeo()(feature)
        loss.backward()
        assert loss.item() == 0
        assert feature.grad is not None
        assert not feature.grad.any()

    def test_forward__equal_features_are_finite(self) -> None:
        features = torch.ones(3, 4, requires_grad=True)
        loss = KoLeo()(features)
        loss.backward()
        assert loss.isfinite()
        assert features.grad is not None
        assert features.grad.isfinite().all()

    def test_forward__descent_moves_neighbours_apart(self) -> None:
        features = torch.randn(4, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()
        before = KoLeo()(features)
        before.backward()
        assert features.grad is not None
        assert KoLeo()(features - 0.01 * features.grad).item() < before.item()


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return in_processes(_koleo_of_a_half, tmp_path_factory.mktemp("processes"))


class TestKoLeoOfTwoProcesses:
    def test_forward__all_features_are_searched(self, halves: list[dict[str, Any]]) -> None:
        everyone = torch.randn(6, 5, generator=torch.Generator().manual_seed(3))
        found = sum(half["loss"] for half in halves) / 2
        assert found == pytest.approx(slow.koleo(everyone), abs=1e-4)
        # The halves by themselves have farther neighbours: the other process was looked at.
        assert sum(slow.koleo(half) for half in everyone.view(2, 3, 5)) / 2 < found - 0.01

    @pytest.mark.parametrize("rank", [0, 1])
    def test_forward__gradient_is_that_of_all_features(self, halves: list[dict[str, Any]], rank: int) -> None:
        """The processes' mean loss is that of all features, so each one's gradient is as many times as large."""
        everyone = torch.randn(6, 5, generator=torch.Generator().manual_seed(3))
        expected = 2 * _slow_gradient(everyone).view(2, 3, 5)[rank]
        torch.testing.assert_close(halves[rank]["gradient"], expected, atol=1e-4, rtol=1e-4)

    def test_forward__one_feature_each_has_a_neighbour(self, halves: list[dict[str, Any]]) -> None:
        pair = torch.randn(2, 5, generator=torch.Generator().manual_seed(4))
        assert [half["alone"] for half in halves] == pytest.approx([slow.koleo(pair)] * 2, abs=1e-4)


def _slow_gradient(everyone: torch.Tensor) -> torch.Tensor:
    """By autograd in float64, of all features in one process."""
    rows = everyone.double().requires_grad_()
    unit = torch.nn.functional.normalize(rows, dim=1)
    distances = (unit[:, None] - unit[None]).square().sum(dim=-1)
    nearest = (distances + 10 * torch.eye(len(rows))).min(dim=1).values
    (gradient,) = torch.autograd.grad(-nearest.sqrt().log().mean(), rows)
    return gradient.float()
