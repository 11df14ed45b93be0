"""Thresholds and p-values: validity by simulation, and what a rate needs."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from modmap.calibration import (
    Calibration,
    GoodScores,
    assumed_calibration,
    conformal_calibration,
    conformal_p_value,
    conformal_threshold,
    estimated_calibration,
    scans_needed,
)
from modmap.errors import ModMapError
from modmap.files.validated_json import validate

RATES = st.integers(1, 99).map(lambda percent: percent / 100)
SCORES = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=40)


def estimated(views_scores: list[GoodScores], **arguments: Any) -> Calibration:
    """An estimate; which views it is made from changes nothing but what it says."""
    found = estimated_calibration(views_scores, basis="leave_one_view_out", **arguments)
    other = estimated_calibration(views_scores, basis="jittered_copies", **arguments)
    assert other.model_copy(update={"basis": found.basis}) == found
    assert other.p_value(1.0) == found.p_value(1.0)
    assert "jittered copies" in other.describe()
    return found


def _good(scores: list[float]) -> list[GoodScores]:
    return [GoodScores(one, one / 2, one / 4) for one in scores]


class TestCalibration:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"scan_threshold": math.nan},
            {"scan_threshold": math.inf},
            {"pixel_threshold": math.nan},
            {"voxel_threshold": -math.inf},
            {"false_alarm_rate": 0.0},
            {"false_alarm_rate": 2.0},
            {"surface_share": -0.1},
            {"surface_share": 1.0},
            {"scores": [1.0, math.nan, 2.0]},
            {"scores": [1.0, 2.0]},
            {"scores": []},
            {"scans": []},
            {"views": []},
            {"basis": "nominal_scan"},
        ],
        ids=str,
    )
    def test_init__what_no_calibration_gives_is_an_error(self, wrong: dict[str, Any]) -> None:
        good = conformal_calibration(
            _good([1.0, 2.0, 3.0]), scans=["a", "b", "c"], views=["00"], false_alarm_rate=0.25
        ).model_dump()
        validate(Calibration, good, where="a.json")
        with pytest.raises(ModMapError, match=r"^a\.json: [^\n]+$"):
            validate(Calibration, good | wrong, where="a.json")


class TestScansNeeded:
    @pytest.mark.parametrize(
        ("rate", "needed"),
        [(0.5, 1), (0.1, 9), (0.05, 19), (0.01, 99), (0.3, 3), (1 / 3, 2), (1e-6, 999_999)],
    )
    def test_scans_needed__as_written_not_in_binary(self, rate: float, needed: int) -> None:
        assert scans_needed(rate) == needed

    @settings(deadline=None)
    @given(RATES)
    def test_scans_needed__fewest_whose_smallest_p_value_reaches_the_rate(self, rate: float) -> None:
        exact = Fraction(str(rate))
        needed = scans_needed(rate)
        assert Fraction(1, needed + 1) <= exact
        assert needed == 0 or Fraction(1, needed) > exact

    @pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, math.nan])
    def test_scans_needed__rate_out_of_range(self, rate: float) -> None:
        with pytest.raises(ModMapError, match="false-alarm rate: expected a number between 0 and 1, found"):
            scans_needed(rate)


class TestConformalThreshold:
    @pytest.mark.parametrize(("scans", "rate"), [(1, 0.5), (9, 0.1), (24, 0.1), (60, 0.05)])
    def test_threshold__realised_rate_by_simulation(self, scans: int, rate: float) -> None:
        trials = 20_000
        scores = np.random.default_rng(scans).gumbel(size=(trials, scans + 1))
        alarms = sum(row[-1] > conformal_threshold(row[:-1].tolist(), rate) for row in scores)
        # Without ties the rate is exactly floor((n + 1) rate) / (n + 1).
        expected = math.floor((scans + 1) * Fraction(str(rate))) / (scans + 1)
        low, high = stats.binom.interval(1 - 1e-6, trials, expected)
        assert low <= alarms <= high
        assert alarms <= stats.binom.ppf(1 - 1e-6, trials, rate)

    def test_threshold__ties_only_lower_the_rate(self) -> None:
        trials, scans, rate = 20_000, 19, 0.2
        scores = np.random.default_rng(0).integers(0, 4, (trials, scans + 1)).astype(float)
        alarms = sum(row[-1] > conformal_threshold(row[:-1].tolist(), rate) for row in scores)
        assert 0 < alarms <= stats.binom.ppf(1 - 1e-6, trials, rate)

    def test_threshold__one_scan(self) -> None:
        assert conformal_threshold([0.3], 0.5) == 0.3

    def test_threshold__too_few_says_how_many_and_what_they_hold(self) -> None:
        with pytest.raises(
            ModMapError, match=r"0\.05: expected at least 19 good scans, found 4; .* 0\.2 at the lowest"
        ):
            conformal_threshold([1, 2, 3, 4], 0.05)
        with pytest.raises(ModMapError, match=r"found 0$"):
            conformal_threshold([], 0.6)

    @settings(deadline=None)
    @given(SCORES, RATES, st.integers(0, 6).map(float))
    def test_threshold__exceeded_exactly_if_the_p_value_is_at_most_the_rate(
        self, scores: list[float], rate: float, score: float
    ) -> None:
        if len(scores) < scans_needed(rate):
            return
        p_value = Fraction(1 + sum(one >= score for one in scores), len(scores) + 1)
        assert (score > conformal_threshold(scores, rate)) == (p_value <= Fraction(str(rate)))
        assert conformal_p_value(scores, score) == float(p_value)


class TestConformalCalibration:
    def test_calibration__each_level_from_its_own_scores(self) -> None:
        found = conformal_calibration(
            _good([1.0, 3.0, 2.0]), scans=["a", "b", "c"], views=["00"], false_alarm_rate=0.25
        )
        assert (found.scan_threshold, found.pixel_threshold, found.voxel_threshold) == (3.0, 1.5, 0.75)
        assert found.guaranteed
        assert (found.verdict(3.0), found.verdict(3.1)) == ("pass", "fail")
        assert (found.p_value(3.0), found.p_value(3.1)) == (0.5, 0.25)
        assert found.margin(3.5) == -0.5
        assert "3 good scans" in found.describe()

    @pytest.mark.parametrize(("scans", "rate"), [(1, 0.5), (4, 0.2), (19, 0.05), (40, 0.05)])
    def test_calibration__default_rate_is_the_lowest_that_few_scans_hold(
        self, scans: int, rate: float
    ) -> None:
        found = conformal_calibration(
            _good([float(n) for n in range(scans)]), scans=["s"] * scans, views=["00"]
        )
        assert found.false_alarm_rate == pytest.approx(rate)

    def test_calibration__no_voxel_threshold_where_a_scan_has_no_volume(self) -> None:
        good = [GoodScores(1, 1, 1), GoodScores(2, 2, None)]
        assert conformal_calibration(good, scans=["a", "b"], views=["00"]).voxel_threshold is None


class TestEstimatedCalibration:
    def test_estimate__is_an_estimate_and_says_so(self) -> None:
        found = estimated(_good([0.2, 0.3, 0.25]), scans=["a"], views=["00", "01", "02"])
        assert not found.guaranteed
        assert "an estimate, not a guarantee" in found.describe()
        assert found.false_alarm_rate == 0.05
        assert found.voxel_threshold is not None
        assert found.voxel_threshold < found.pixel_threshold < found.scan_threshold

    def test_estimate__near_the_rate_where_maxima_are_gumbel(self) -> None:
        rng, views, trials = np.random.default_rng(3), 12, 2000
        names = [f"{n:02d}" for n in range(views)]
        alarms = 0
        for _ in range(trials):
            seen, new = rng.gumbel(1.0, 0.1, views).tolist(), rng.gumbel(1.0, 0.1, views).max()
            found = estimated(_good(seen), scans=["a"], views=names, false_alarm_rate=0.1)
            alarms += found.verdict(new) == "fail"
        assert 0.05 < alarms / trials < 0.2

    @settings(deadline=None)
    @given(st.lists(st.floats(0.01, 1), min_size=3, max_size=12), RATES, st.floats(0, 3))
    def test_estimate__verdict_agrees_with_p_value(
        self, scores: list[float], rate: float, score: float
    ) -> None:
        views = [str(n) for n in range(len(scores))]
        found = estimated(_good(scores), scans=["a"], views=views, false_alarm_rate=rate)
        if abs(found.margin(score)) > 1e-6:
            assert (found.verdict(score) == "fail") == (found.p_value(score) < rate)

    def test_estimate__equal_views(self) -> None:
        found = estimated(_good([0.5] * 4), scans=["a"], views=list("abcd"))
        assert found.scan_threshold == 0.5
        assert (found.p_value(0.5), found.p_value(0.6)) == (1.0, 0.0)

    def test_estimate__too_few_views(self) -> None:
        with pytest.raises(ModMapError, match="expected at least 3 views that see the same places, found 2"):
            estimated(_good([1, 2]), scans=["a"], views=["00", "01"])


class TestAssumedCalibration:
    def test_assumed__is_an_estimate_and_says_so(self) -> None:
        found = assumed_calibration(2.5, scans=["nominal"], views=["00", "01"], volume=True)
        assert (found.scan_threshold, found.pixel_threshold, found.voxel_threshold) == (2.5, 2.5, 2.5)
        assert (found.basis, found.guaranteed, found.false_alarm_rate) == ("nominal_scan", False, 0.05)
        assert "an estimate, not a guarantee" in found.describe()
        assert found.describe().startswith("threshold 2.5 at a false-alarm rate of 0.05")
        assert [found.verdict(score) for score in (0.0, 2.5, 2.6)] == ["pass", "pass", "fail"]
        assert found.margin(3.0) == -0.5

    def test_assumed__makes_up_no_p_value(self) -> None:
        found = assumed_calibration(2.0, scans=["nominal"], views=["00"], volume=False, false_alarm_rate=0.2)
        assert (found.p_value(1.0), found.p_values(np.ones(2))) == (None, None)
        assert (found.false_alarm_rate, found.voxel_threshold, found.scores) == (0.2, None, [])
        assert Calibration.model_validate_json(found.model_dump_json()) == found

    @pytest.mark.parametrize("rate", [0.0, 1.0, math.nan])
    def test_assumed__rate_out_of_range(self, rate: float) -> None:
        with pytest.raises(ModMapError, match="false-alarm rate: expected a number between 0 and 1, found"):
            assumed_calibration(2.0, scans=["a"], views=["00"], volume=True, false_alarm_rate=rate)


class TestPValues:
    SHOWN = np.array([[0.0, 0.2, math.nan], [0.25, 0.3, 9.0]], dtype=np.float32)

    def test_p_values__of_good_scans_one_at_a_time(self) -> None:
        good = conformal_calibration(_good([0.2, 0.25, 0.25]), scans=["a", "b", "c"], views=["00"])
        found = good.p_values(self.SHOWN)
        assert found is not None
        for score, one in zip(self.SHOWN.ravel().tolist(), found.ravel().tolist(), strict=True):
            slow = (1 + sum(largest >= score for largest in good.scores)) / 4
            assert math.isnan(one) if math.isnan(score) else one in (slow, good.p_value(score))

    def test_p_values__of_an_estimate(self) -> None:
        good = estimated(_good([0.2, 0.3, 0.25]), scans=["a"], views=["00", "01", "02"])
        found = good.p_values(self.SHOWN)
        assert found is not None
        assert np.isnan(found[0, 2])
        assert found[1, 1] == pytest.approx(good.p_value(float(self.SHOWN[1, 1])))
        assert (np.diff(found[np.isfinite(found)]) <= 0).all()
