"""Scores at every pixel, against a search of the nearest pixel one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.evaluations.intervals import resample_counts
from benchmarks.evaluations.single_view_metrics import REACH, LabelledParts, draw_metrics, scored_everywhere


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


class TestDrawMetrics:
    def test_draw_metrics__a_shift_of_all_scores_below_0_changes_nothing(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        defects = np.zeros((4, 40, 50), bool)
        defects[2:, 12:18, 20:26] = True
        labels = np.array([False, False, True, True])
        parts = LabelledParts(
            "cup", ("a", "b", "c", "d"), labels, tuple(defects), resample_counts(labels, seed=0)
        )
        for shift in (0, -5):
            (tmp_path / str(shift)).mkdir()
        for name, truth in zip(parts.names, defects, strict=True):
            scores = np.full(truth.shape, np.nan, np.float32)
            scores[8:30, 10:40] = rng.random((22, 30)) + 0.5 * truth[8:30, 10:40]
            for shift in (0, -5):
                moved = scores + np.float32(shift)
                np.savez(tmp_path / str(shift) / f"{name}.npz", scores=moved, score=np.nanmax(moved))
        plain, below = (draw_metrics(parts, tmp_path / str(shift)) for shift in (0, -5))
        assert below.values == pytest.approx(plain.values, abs=1e-4)
        np.testing.assert_allclose(below.resamples["aupro_30pct"], plain.resamples["aupro_30pct"], atol=1e-4)
