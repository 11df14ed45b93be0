"""Centering against a dense matrix, closed forms, and a second process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dino_depth.objective.centering import SinkhornKnopp, SoftmaxCentering
from tests.dino_depth.objective import slow_objective as slow
from tests.dino_depth.objective.processes import in_processes

COUNTS = ((5, 3), (0, 4), (0, 0), (7, 0))


def _logits(count: int, prototypes: int, seed: int) -> torch.Tensor:
    return torch.rand(count, prototypes, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def _center_a_share(rank: int) -> dict[str, Any]:
    sinkhorn, softmax = [], []
    centering = SoftmaxCentering(9)
    for seed, counts in enumerate(COUNTS):
        share = torch.split(_logits(sum(counts), 9, seed), list(counts))[rank]
        sinkhorn.append(SinkhornKnopp()(share, 0.05))
        softmax.append(centering(share, 0.05))
    return {"sinkhorn": sinkhorn, "softmax": softmax, "centre": centering.centre}


class TestSinkhornKnopp:
    @given(
        seed=st.integers(0, 1000),
        count=st.integers(1, 20),
        prototypes=st.integers(2, 12),
        temperature=st.sampled_from([0.04, 0.07, 1.0]),
    )
    @settings(max_examples=40, deadline=None)
    def test_forward__as_the_dense_matrix(
        self, seed: int, count: int, prototypes: int, temperature: float
    ) -> None:
        logits = _logits(count, prototypes, seed)
        found = SinkhornKnopp()(logits, temperature)
        expected = slow.sinkhorn_knopp(logits, temperature)
        assert found.numpy() == pytest.approx(expected.numpy(), rel=1e-4, abs=1e-6)

    def test_forward__rows_are_probabilities_and_prototypes_are_used_alike(self) -> None:
        found = SinkhornKnopp(iterations=200)(_logits(30, 6, 0), 0.2)
        assert found.sum(dim=1).numpy() == pytest.approx(1, abs=1e-5)
        assert found.sum(dim=0).numpy() == pytest.approx(30 / 6, abs=1e-3)

    def test_forward__large_logits_stay_finite(self) -> None:
        found = SinkhornKnopp()(1000 * _logits(8, 5, 0), 0.04)
        assert found.isfinite().all()

    def test_forward__nothing_in_nothing_out(self) -> None:
        assert SinkhornKnopp()(torch.zeros(0, 5), 0.04).shape == (0, 5)

    def test_forward__input_is_left_alone(self) -> None:
        logits = _logits(4, 5, 0)
        SinkhornKnopp()(logits, 0.04)
        assert torch.equal(logits, _logits(4, 5, 0))


class TestSoftmaxCentering:
    def test_forward__each_call_uses_the_centre_of_those_before(self) -> None:
        centering = SoftmaxCentering(6, momentum=0.8)
        centre = torch.zeros(6, dtype=torch.float64)
        for seed in range(4):
            logits = _logits(seed + 2, 6, seed)
            expected = ((logits - centre) / 0.07).softmax(dim=1)
            assert centering(logits, 0.07).numpy() == pytest.approx(expected.numpy(), rel=1e-4, abs=1e-7)
            centre = 0.8 * centre + 0.2 * logits.double().mean(dim=0)

    def test_forward__constant_logits_approach_geometrically(self) -> None:
        centering = SoftmaxCentering(3)
        logits = torch.tensor([[1.0, -2.0, 0.5]])
        for _ in range(10):
            centering(logits, 0.1)
        assert centering.centre.numpy() == pytest.approx((1 - 0.9**10) * logits[0].numpy(), abs=1e-6)

    def test_forward__evaluation_leaves_the_centre(self) -> None:
        centering = SoftmaxCentering(3).eval()
        centering(torch.ones(2, 3), 0.1)
        assert not centering.centre.any()

    def test_forward__momentum_1_is_no_centering(self) -> None:
        centering = SoftmaxCentering(3, momentum=1.0)
        centering(torch.ones(2, 3), 0.1)
        assert not centering.centre.any()

    def test_forward__nothing_leaves_the_centre(self) -> None:
        centering = SoftmaxCentering(3)
        centering(torch.ones(2, 3), 0.1)
        before = centering.centre.clone()
        assert centering(torch.zeros(0, 3), 0.1).shape == (0, 3)
        assert torch.equal(centering.centre, before)

    def test_state_dict__holds_the_centre(self) -> None:
        centering = SoftmaxCentering(3)
        centering(torch.ones(2, 3), 0.1)
        again = SoftmaxCentering(3)
        again.load_state_dict(centering.state_dict())
        assert torch.equal(again.centre, centering.centre)


class TestTwoProcesses:
    def test_forward__unequal_shares_are_as_one_batch(self, tmp_path: Path) -> None:
        first, second = in_processes(_center_a_share, tmp_path)
        alone = SoftmaxCentering(9)
        for index, counts in enumerate(COUNTS):
            logits = _logits(sum(counts), 9, index)
            expected = slow.sinkhorn_knopp(logits, 0.05).numpy() if len(logits) else logits.numpy()
            together = torch.cat([first["sinkhorn"][index], second["sinkhorn"][index]])
            assert together.numpy() == pytest.approx(expected, rel=1e-4, abs=1e-6)
            together = torch.cat([first["softmax"][index], second["softmax"][index]])
            assert together.numpy() == pytest.approx(alone(logits, 0.05).numpy(), rel=1e-4, abs=1e-6)
        for result in (first, second):
            assert result["centre"].numpy() == pytest.approx(alone.centre.numpy(), abs=1e-6)
