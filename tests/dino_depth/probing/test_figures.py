"""The figures against closed forms, slow references and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from dino_depth.probing.figures import FOLDS, RIDGES, linear_probe, rank_me, smoothness


class TestRankMe:
    def test_rank_me__equal_directions_and_one(self) -> None:
        orthogonal = torch.linalg.qr(torch.randn(64, 8, generator=torch.Generator().manual_seed(0)))[0]
        assert rank_me(orthogonal) == pytest.approx(8, rel=1e-3)
        assert rank_me(orthogonal[:, :1] @ torch.ones(1, 8)) == pytest.approx(1, rel=1e-3)

    @pytest.mark.parametrize("shape", [(40, 7), (7, 40)])
    def test_rank_me__entropy_of_the_singular_values(self, shape: tuple[int, int]) -> None:
        features = np.random.default_rng(0).normal(size=shape)
        shares = np.linalg.svd(features, compute_uv=False)
        shares /= shares.sum()
        expected = np.exp(-(shares * np.log(shares)).sum())
        assert rank_me(torch.from_numpy(features)) == pytest.approx(expected, rel=1e-6)


class TestSmoothness:
    def test_smoothness__slow_reference(self) -> None:
        patches = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
        beside, every = [], []
        for one in patches:
            places = [(i, j) for i in range(3) for j in range(4)]
            cosines = {
                (a, b): torch.nn.functional.cosine_similarity(one[a], one[b], dim=0).item()
                for a in places
                for b in places
                if a != b
            }
            every.append(np.mean(list(cosines.values())))
            beside += [
                value
                for (a, b), value in cosines.items()
                if a < b and abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1
            ]
        assert smoothness(patches) == pytest.approx(np.mean(beside) - np.mean(every), abs=1e-6)


class TestLinearProbe:
    def test_linear_probe__as_scikit_learn(self) -> None:
        """Ridges chosen by folds of parts, one after the other, by scikit-learn's Ridge."""
        rng = np.random.default_rng(0)
        features = rng.normal(size=(200, 30))
        targets = features @ rng.normal(size=(30, 2)) + rng.normal(0, 15, (200, 2)) + 3
        parts = rng.integers(0, 20, 200) * 7
        held = parts < 42
        scaled = StandardScaler().fit(features[~held]).transform(features)
        fitted, goal = scaled[~held], targets[~held] - targets[~held].mean(0)
        fold = np.array([sorted(set(parts[~held])).index(part) % FOLDS for part in parts[~held]])
        errors = []
        for ridge in RIDGES:
            predicted = np.empty_like(goal)
            for number in range(FOLDS):
                inner, outer = fold != number, fold == number
                model = Ridge(alpha=ridge * inner.sum(), fit_intercept=False).fit(fitted[inner], goal[inner])
                predicted[outer] = model.predict(fitted[outer])
            errors.append(((predicted - goal) ** 2).sum())
        best = RIDGES[int(np.argmin(errors))]
        assert best not in (RIDGES[0], RIDGES[-1])
        model = Ridge(alpha=best * len(fitted), fit_intercept=False).fit(fitted, goal)
        predicted = model.predict(scaled[held]) + targets[~held].mean(0)
        expected = r2_score(targets[held], predicted, multioutput="variance_weighted")
        found = linear_probe(*map(torch.from_numpy, (features, targets)), **_rows(held, parts))
        assert found == pytest.approx(expected, abs=2e-3)

    def test_linear_probe__wide_features_are_not_judged_by_their_noise(self) -> None:
        rng = np.random.default_rng(0)
        features = rng.normal(size=(500, 300))
        targets = features[:, :1] + rng.normal(size=(500, 1))
        parts = np.arange(500) // 5
        rows = _rows(parts % 3 == 0, parts)
        assert linear_probe(*map(torch.from_numpy, (features, targets)), **rows) > 0

    @pytest.mark.parametrize("parts", [4000, 1])
    def test_linear_probe__of_noise_is_no_better_than_a_constant(self, parts: int) -> None:
        generator = torch.Generator().manual_seed(0)
        features, targets = (torch.randn(4000, width, generator=generator) for width in (5, 1))
        held = torch.arange(4000) % 3 == 0
        assert abs(linear_probe(features, targets, held=held, parts=torch.arange(4000) % parts)) < 0.02


def _rows(held: npt.NDArray[Any], parts: npt.NDArray[Any]) -> dict[str, torch.Tensor]:
    return {"held": torch.from_numpy(held), "parts": torch.from_numpy(parts)}
