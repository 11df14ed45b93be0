"""M3DM's own steps against slow ones: the contrastive loss, self-excluding neighbours, the decision layer."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from benchmarks.baselines.feature_fusion import contrastive_loss, train_fusion
from benchmarks.baselines.m3dm import decision_layer, to_another


def features(count: int, channels: int, seed: int = 0) -> Tensor:
    return torch.randn(count, channels, generator=torch.Generator().manual_seed(seed))


class TestFusion:
    def test_contrastive_loss__equals_the_formula(self) -> None:
        image, depth = features(7, 5), features(7, 5, seed=1)
        total = 0.0
        for i in range(7):
            cosine = [float(image[i] @ depth[j]) / float(image[i].norm() * depth[j].norm()) for j in range(7)]
            total -= math.log(math.exp(cosine[i]) / sum(map(math.exp, cosine)))
        assert float(contrastive_loss(image, depth)) == pytest.approx(total / 7, rel=1e-5)

    def test_train_fusion__learns_which_features_belong_together(self) -> None:
        image = features(200, 8)
        depth = torch.tanh(image @ features(8, 4, seed=3))
        settings = {"tokens_per_batch": 64, "learning_rate": 1e-3, "seed": 0}
        before = train_fusion(image, depth, epochs=1, **settings)  # type: ignore[arg-type]
        after = train_fusion(image, depth, epochs=60, **settings)  # type: ignore[arg-type]
        with torch.no_grad():
            assert float(after.loss(image, depth)) < float(before.loss(image, depth)) - 0.1


class TestToAnother:
    def test_to_another__never_the_feature_itself(self) -> None:
        bank = features(20, 4)
        found = to_another(bank, bank)
        for i in range(20):
            others = [float((bank[i] - bank[j]).norm()) for j in range(20) if j != i]
            assert float(found[i]) == pytest.approx(min(others), rel=1e-5)

    def test_to_another__others_have_their_nearest(self) -> None:
        queries, bank = features(6, 4, seed=5), features(20, 4)
        expected = torch.cdist(queries, bank).min(dim=1).values
        torch.testing.assert_close(to_another(queries, bank), expected, atol=1e-5, rtol=1e-5)


class TestDecisionLayer:
    def test_decision_layer__larger_distances_score_higher(self) -> None:
        weights = decision_layer(features(500, 3).abs(), seed=0)
        assert weights.shape == (3,)
        assert bool((weights > 0).all())
        assert torch.equal(decision_layer(features(500, 3).abs(), seed=0), weights)

    def test_decision_layer__is_the_decision_of_the_svm(self) -> None:
        from sklearn.linear_model import SGDOneClassSVM

        scores = features(100, 3).abs()
        layer = SGDOneClassSVM(random_state=0).fit(scores.double().numpy())
        expected = torch.tensor(layer.score_samples(scores.double().numpy())).float()
        torch.testing.assert_close(scores @ decision_layer(scores, seed=0), expected, atol=1e-5, rtol=1e-4)
