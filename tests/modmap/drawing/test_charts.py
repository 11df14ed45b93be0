"""Charts: the ROC against scikit-learn, and that nothing of a histogram leaves its frame."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve as reference_curve

from modmap.drawing.charts import HEIGHT, WIDTH, roc_chart, roc_curve, score_histogram


class TestRocCurve:
    @settings(deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=20))
    def test_curve__scikit_learn(self, scans: list[tuple[int, bool]]) -> None:
        scores, labels = [float(score) for score, _ in scans], [label for _, label in scans]
        if len(set(labels)) < 2:
            return
        fpr, tpr, _ = reference_curve(labels, scores, drop_intermediate=False)
        np.testing.assert_allclose(roc_curve(scores, labels), np.column_stack([fpr, tpr]))

    def test_chart__tells_its_area(self) -> None:
        assert "area 0.750" in roc_chart([1.0, 3.0, 2.0, 4.0], [False, False, True, True])


class TestScoreHistogram:
    @pytest.mark.parametrize("scores", [np.zeros(0), np.array([0.0]), np.linspace(0, 1, 5000) ** 3])
    def test_histogram__all_in_the_frame(self, scores: np.ndarray) -> None:
        chart = score_histogram(
            [scores],
            score=0.9,
            thresholds=[("scan threshold", 0.7), ("voxel threshold", 0.5)],
            good=[0.6, 0.7],
        )
        for axis, limit in (("x", WIDTH), ("y", HEIGHT)):
            places = [float(value) for value in re.findall(rf'\b{axis}[12]?="([-\d.]+)"', chart)]
            assert places
            assert min(places) >= 0
            assert max(places) <= limit

    def test_histogram__counts_every_score(self) -> None:
        one = score_histogram([np.full(60, 0.5), np.full(40, 0.5)], score=1.0, thresholds=[], good=[])
        assert one.count("<rect") == 1
        assert one == score_histogram([np.full(100, 0.5)], score=1.0, thresholds=[], good=[])
        assert "<title>good" not in one

    def test_histogram__marks(self) -> None:
        chart = score_histogram(
            [np.array([0.1])], score=0.2, thresholds=[("scan threshold", 0.3)], good=[0.1, 0.2]
        )
        assert "scan threshold 0.3" in chart
        assert "score 0.2" in chart
        assert chart.count("<title>good") == 2
