"""Curves through hits and misses, against scikit-learn's, and against the truth they were drawn from."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2
from sklearn.linear_model import LogisticRegression

from modmap.errors import ModMapError
from modmap.pod.curves import curve_of

TRUE_A50, TRUE_SLOPE = 3.0, 3.0
TRUE_A90 = TRUE_A50 * float(np.exp(np.log(9) / TRUE_SLOPE))


def drawn(seed: int, count: int = 80) -> tuple[list[float], list[bool]]:
    rng = np.random.default_rng(seed)
    sizes = np.exp(rng.uniform(np.log(0.5), np.log(20), count))
    odds = TRUE_SLOPE * np.log(sizes / TRUE_A50)
    return sizes.tolist(), (rng.random(count) < 1 / (1 + np.exp(-odds))).tolist()


class TestCurveOf:
    def test_curve_of__is_the_most_probable_one(self) -> None:
        sizes, hits = drawn(0)
        curve = curve_of(sizes, hits)
        other = LogisticRegression(C=1e10, tol=1e-10, max_iter=10_000).fit(np.log(sizes)[:, None], hits)
        assert curve.intercept == pytest.approx(other.intercept_[0], rel=1e-3)
        assert curve.slope == pytest.approx(other.coef_[0, 0], rel=1e-3)
        assert curve.a90 is not None
        assert curve.probability(np.array([curve.a90]))[0] == pytest.approx(0.9)

    def test_curve_of__limits_hold_as_often_as_they_say(self) -> None:
        inside = above = 0
        for seed in range(24):
            curve = curve_of(*drawn(seed))
            assert curve.a90_interval is not None
            low, high = curve.a90_interval
            inside += (low or 0) <= TRUE_A90 <= (high or np.inf)
            above += (curve.a90_95 or np.inf) >= TRUE_A90
        # Of 24 at 95%, 19 or fewer have a probability below 0.01.
        assert inside >= 20
        assert above >= 20

    def test_curve_of__limits_are_where_the_likelihood_ratio_is_too_large(self) -> None:
        """By statsmodels: of all curves that have 50% or 90% there, the best lacks so much."""
        sizes, hits = drawn(0)
        curve, logs, hit = curve_of(sizes, hits), np.log(sizes), np.array(hits, float)
        best = sm.GLM(hit, sm.add_constant(logs), family=sm.families.Binomial()).fit().deviance
        for odds, interval in ((0.0, curve.a50_interval), (np.log(9), curve.a90_interval)):
            assert interval is not None
            for end in interval:
                held = sm.GLM(
                    hit,
                    (logs - np.log(end))[:, None],
                    family=sm.families.Binomial(),
                    offset=np.full(len(hit), odds),
                ).fit()
                assert held.deviance - best == pytest.approx(chi2.ppf(0.95, 1), abs=0.05)

    @given(st.floats(0.01, 100))
    @settings(max_examples=3, deadline=None)
    def test_curve_of__is_the_same_in_any_unit(self, unit: float) -> None:
        sizes, hits = drawn(1)
        one, other = curve_of(sizes, hits), curve_of([size * unit for size in sizes], hits)
        for name in ("a50", "a90", "a90_95"):
            assert getattr(other, name) == pytest.approx(unit * getattr(one, name), rel=1e-3)

    @pytest.mark.parametrize(
        ("sizes", "hits", "why"),
        [
            (range(1, 31), [True] * 30, "no misses"),
            (range(1, 31), [False] * 30, "no hits"),
            (range(1, 11), [True, False] * 5, "too few"),
            (range(1, 31), [False] * 15 + [True] * 15, "don't overlap"),
            (range(1, 31), [True] * 15 + [False] * 15, "aren't found more often"),
            (range(1, 31), [True, False] * 15, "aren't found more often"),
        ],
    )
    def test_curve_of__says_why_there_is_none(self, sizes: range, hits: list[bool], why: str) -> None:
        curve = curve_of(list(sizes), hits)
        assert why in (curve.refused or "")
        assert (curve.slope, curve.a50, curve.a90, curve.a90_95) == (None, None, None, None)
        with pytest.raises(ModMapError, match=why):
            curve.probability(np.ones(1))

    def test_curve_of__what_lies_beyond_the_largest_is_not_told(self) -> None:
        rng = np.random.default_rng(0)
        sizes = np.exp(rng.uniform(np.log(0.5), np.log(4), 200))
        hits = rng.random(200) < 0.2 * sizes / 4 + 0.3 * (sizes > 2)
        curve = curve_of(sizes.tolist(), hits.tolist())
        assert curve.slope is not None
        assert curve.a90 is None
        assert "beyond the largest" in (curve.refused or "")

    def test_curve_of__nothing(self) -> None:
        with pytest.raises(ModMapError, match="at least one defect"):
            curve_of([], [])
