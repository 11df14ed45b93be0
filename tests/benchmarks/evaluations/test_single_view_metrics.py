"""Scores at every pixel, against a search of the nearest pixel one by one."""

from __future__ import annotations

import numpy as np

from benchmarks.evaluations.single_view_metrics import REACH, scored_everywhere


class TestScoredEverywhere:
    def test_scored_everywhere__nearest_within_reach(self) -> None:
        rng = np.random.default_rng(0)
        found = np.full((60, 150), np.nan, np.float32)  # a reach of three pixels
        found[20:40, 30:90] = rng.random((20, 60))
        found[28:33, 50:60] = np.nan
        expected = np.zeros(found.shape)
        known = np.argwhere(np.isfinite(found))
        filled = scored_everywhere(found)
        for place in np.argwhere(np.ones(found.shape, bool)):
            away = np.linalg.norm(known - place, axis=1)
            if away.min() <= REACH * 150:
                nearest = known[np.isclose(away, away.min())]
                assert filled[tuple(place)] in found[tuple(nearest.T)]
            else:
                assert filled[tuple(place)] == expected[tuple(place)]
        assert filled.dtype == np.float32
