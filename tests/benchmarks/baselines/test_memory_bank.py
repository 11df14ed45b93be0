"""The memory bank against slow computations from its definition, and against anomalib's own PatchCore."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.baselines import memory_bank
from benchmarks.baselines.memory_bank import NUMBERS_AT_ONCE, coreset, coreset_indices, nearest, reweighted
from benchmarks.runs.measured_process import measured

PICK = """
import torch
from benchmarks.baselines.memory_bank import coreset_indices
from benchmarks.runs.measured_process import peak_bytes, tell

torch.set_num_threads(1)
points = torch.randn(24_000, 290)
coreset_indices(points, 2, seed=0)
before = peak_bytes()
coreset_indices(points, 300, seed=0)
tell({"megabytes": (peak_bytes() - before) / 1e6})
"""


def features(count: int, channels: int, seed: int = 0) -> Tensor:
    return torch.randn(count, channels, generator=torch.Generator().manual_seed(seed))


def slow_coreset(points: Tensor, first: int, wanted: int) -> list[int]:
    """Each time the point whose nearest picked one is the farthest away."""
    picked = [first]
    while len(picked) < wanted:
        gaps = [min(float((point - points[one]).norm()) for one in picked) for point in points]
        picked.append(int(np.argmax(gaps)))
    return picked


class TestCoreset:
    def test_coreset_indices__equals_the_slow_greedy_choice(self) -> None:
        points = features(60, 5)
        found = coreset_indices(points, 12, seed=3)
        assert found == slow_coreset(points, found[0], 12)
        assert coreset_indices(points, 12, seed=3) == found
        assert coreset_indices(points, 12, seed=4) != found

    def test_coreset_indices__projected_channels_cover_as_well(self) -> None:
        points = features(80, 400)
        found = coreset_indices(points, 20, seed=0)
        assert len(set(found)) == 20

        def farthest(kept: list[int]) -> float:
            return float(torch.cdist(points, points[kept]).min(dim=1).values.max())

        assert farthest(found) <= 1.1 * farthest(slow_coreset(points, found[0], 20))

    def test_coreset_indices__leaves_what_others_draw_alone(self) -> None:
        np.random.seed(1)
        torch.manual_seed(1)
        expected = (np.random.rand(), float(torch.rand(())))
        np.random.seed(1)
        torch.manual_seed(1)
        coreset_indices(features(30, 400), 4, seed=0)
        assert (np.random.rand(), float(torch.rand(()))) == expected

    @pytest.mark.parametrize("channels", [5, 400])
    def test_coreset_indices__are_anomalibs_own(self, channels: int) -> None:
        from anomalib.models.components import KCenterGreedy  # seconds, which only this test need wait

        points = features(60, channels)
        torch.manual_seed(3)
        np.random.seed(3)
        given = points if channels == 400 else points[:, None]
        assert coreset_indices(points, 12, seed=3) == KCenterGreedy(given, 0.2).select_coreset_idxs()

    def test_coreset_indices__memory_does_not_grow_with_the_number_picked(self) -> None:
        rise = measured([sys.executable, "-c", PICK])["megabytes"]
        print(rise)
        # The points have 28; anomalib's own loop comes to 86, and to 12,000 for a real part of 36 views.
        assert rise < 30

    @pytest.mark.parametrize(("share", "most", "kept"), [(1.0, 100, 40), (0.25, 100, 10), (0.25, 3, 3)])
    def test_coreset__as_many_as_asked(self, share: float, most: int, kept: int) -> None:
        points = features(40, 3)
        found = coreset(points, share=share, most=most, seed=0)
        assert len(found) == kept
        if kept == 40:
            assert found is points


class Largest(TorchDispatchMode):
    """Notes how many numbers the largest tensor has that anything computes, of those that are none of their inputs."""

    numbers = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        if not func.is_view:
            made = (one for one in tree_leaves(found) if isinstance(one, Tensor))
            self.numbers = max([self.numbers, *(one.numel() for one in made)])
        return found


class TestNearest:
    @pytest.mark.parametrize("kept", [1, 100, 10_000])
    @pytest.mark.parametrize("views", [12, 36])
    def test_nearest__no_tensor_grows_with_the_views(self, views: int, kept: int) -> None:
        """Views of 896 pixels, 64 x 64 tokens of 384 channels: the shapes alone are followed, nothing is computed."""
        queries = torch.empty(views * 64 * 64, 384, device="meta")
        bank = torch.empty(kept, 384, device="meta")
        with Largest() as largest:
            distances, indices = nearest(queries, bank)
        assert distances.shape == indices.shape == (len(queries), 1)
        assert NUMBERS_AT_ONCE // 2 < largest.numbers <= NUMBERS_AT_ONCE

    @pytest.mark.parametrize("at_once", [1, 7 * 50, 2**25])
    def test_nearest__equals_the_whole_matrix(self, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(memory_bank, "NUMBERS_AT_ONCE", at_once)
        queries, bank = features(33, 6), features(50, 6, seed=1)
        distances, indices = nearest(queries, bank, count=4)
        whole = torch.cdist(queries.double(), bank.double())
        expected = whole.topk(4, largest=False)
        torch.testing.assert_close(distances.double(), expected.values, atol=1e-5, rtol=1e-5)
        assert torch.equal(indices, expected.indices)

    def test_nearest__a_feature_of_the_bank_has_no_distance(self) -> None:
        bank = 1000 + features(50, 300)
        distances, indices = nearest(bank, bank)
        assert float(distances.max()) == 0
        assert torch.equal(indices[:, 0], torch.arange(50))

    def test_nearest__a_small_bank(self) -> None:
        assert nearest(features(5, 3), features(2, 3), count=9)[0].shape == (5, 2)


class TestReweighted:
    def test_reweighted__equals_the_formula(self) -> None:
        bank, query = features(30, 4), features(1, 4, seed=9)[0] + 1
        distances, indices = nearest(query[None], bank)
        neighbour = bank[indices[0, 0]]
        around = sorted(bank, key=lambda one: float((one - neighbour).norm()))[:5]
        crowd = sum(float(torch.exp((one - query).norm())) for one in around)
        expected = (1 - float(torch.exp(distances[0, 0])) / crowd) * float(distances[0, 0])
        found = reweighted(distances[0, 0], query, neighbour, bank, count=5)
        assert found == pytest.approx(expected, rel=1e-5)
        assert reweighted(distances[0, 0], query, neighbour, bank, count=1) == float(distances[0, 0])
        assert reweighted(distances[0, 0], query, neighbour, bank[:1], count=5) == float(distances[0, 0])

    def test_reweighted__equals_anomalib(self) -> None:
        from anomalib.models.image.patchcore.torch_model import PatchcoreModel

        model = PatchcoreModel(backbone="test_efficientnet", layers=["blocks.2"], pre_trained=False)
        model.memory_bank = features(40, 6)
        queries = features(25, 6, seed=2)
        distances, indices = nearest(queries, model.memory_bank)
        scores, places = model.nearest_neighbors(queries, 1)
        torch.testing.assert_close(distances[:, 0], scores, atol=1e-4, rtol=1e-4)
        assert torch.equal(indices[:, 0], places)
        worst = int(scores.argmax())
        expected = float(model.compute_anomaly_score(scores[None], places[None], queries))
        neighbour = model.memory_bank[places[worst]]
        found = reweighted(scores[worst], queries[worst], neighbour, model.memory_bank, count=9)
        assert found == pytest.approx(expected, rel=1e-4)
