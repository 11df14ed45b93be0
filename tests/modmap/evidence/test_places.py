"""Cubes of the world, compared with a loop over a dictionary."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from modmap.evidence.places import Places


class TestPlaces:
    @pytest.mark.parametrize("dense", [0, 10**9])
    @pytest.mark.parametrize("edge", [2.5, 0.4])  # one block of cubes, and many
    def test_mean__is_that_of_a_loop(self, edge: float, dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("modmap.evidence.places.DENSE", dense)
        rng = np.random.default_rng(0)
        points = [rng.uniform(-5, 5, (count, 3)) for count in (40, 0, 60)]
        values = [rng.standard_normal(len(one)) for one in points]
        weights = [rng.uniform(0.1, 1, len(one)) for one in points]
        values[0][:5] = np.nan
        places = Places.hashed(points, edge=edge)
        low = np.concatenate(points).min(axis=0)
        sums: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for one, value, weight in zip(points, values, weights, strict=True):
            for point, v, w in zip(one, value, weight, strict=True):
                if np.isfinite(v):
                    sums[tuple(((point - low) // edge).astype(int))][0] += v * w
                    sums[tuple(((point - low) // edge).astype(int))][1] += w
        found = places.mean(values, weights)
        for one, place in zip(points, places.of, strict=True):
            for point, number in zip(one, place, strict=True):
                total, weight = sums.get(tuple(((point - low) // edge).astype(int)), (np.nan, 1.0))
                np.testing.assert_allclose(found[number], total / weight)

    def test_hashed__no_points(self) -> None:
        places = Places.hashed([np.zeros((0, 3))], edge=1.0)
        assert places.count == 0
        assert places.mean([np.zeros(0)], [np.zeros(0)]).shape == (0,)
