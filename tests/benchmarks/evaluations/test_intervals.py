"""Bootstrap intervals: against resampling the scans themselves, and how often they hold the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import norm

from benchmarks.evaluations.intervals import (
    Interval,
    ResampledAUPRO,
    percentile_interval,
    resample_counts,
    resampled_auroc,
)
from modmap.errors import ModMapError
from modmap.metrics import VolumeAUPRO, instance_auroc

Array = npt.NDArray[Any]

LIMITS = (0.01, 0.05, 0.3, 1.0)


def volumes(rng: np.random.Generator, *, ties: bool, shape: tuple[int, ...]) -> list[tuple[Array, Array]]:
    """Five scans, three with defects of several pieces; some of their voxels were not observed."""
    found = []
    for index in range(5):
        defects = np.zeros(shape, bool)
        if index >= 2:
            for _ in range(index - 1):
                corner = [int(rng.integers(0, side - 3)) for side in shape]
                defects[tuple(slice(at, at + 3) for at in corner)] = True
        scores = rng.normal(0, 1, shape) + 1.5 * defects
        if ties:
            scores = np.round(2 * scores) / 2
        scores[rng.random(shape) < 0.2] = np.nan
        found.append((scores.astype(np.float32), defects))
    return found


class TestResampleCounts:
    def test_counts__as_many_of_each_kind(self) -> None:
        labels = [False] * 3 + [True] * 4
        counts = resample_counts(labels, seed=1, resamples=500)
        assert (counts[:, :3].sum(axis=1) == 3).all()
        assert (counts[:, 3:].sum(axis=1) == 4).all()
        np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.15)
        np.testing.assert_array_equal(counts, resample_counts(labels, seed=1, resamples=500))
        assert (counts != resample_counts(labels, seed=2, resamples=500)).any()


class TestResampledAUROC:
    def test_resampled__as_of_the_drawn_scans(self) -> None:
        rng = np.random.default_rng(0)
        labels = np.array([False] * 6 + [True] * 5)
        scores = np.round(rng.normal(0, 1, 11) + labels, 1)
        counts = resample_counts(labels, seed=0, resamples=30)
        found = resampled_auroc(scores, labels, counts)
        for row, value in zip(counts, found, strict=True):
            drawn = np.repeat(np.arange(11), row)
            assert value == pytest.approx(instance_auroc(scores[drawn], labels[drawn]))

    def test_interval__holds_the_truth_as_often_as_it_says(self) -> None:
        """Normal scores one deviation apart: the true I-AUROC is 0.76; 95% within what 400 trials tell."""
        truth = norm.cdf(1 / np.sqrt(2))
        labels = np.repeat([False, True], 40)
        rng = np.random.default_rng(0)
        held = 0
        for trial in range(400):
            scores = rng.normal(0, 1, 80) + labels
            counts = resample_counts(labels, seed=trial, resamples=400)
            interval = percentile_interval(resampled_auroc(scores, labels, counts))
            held += interval.low <= truth <= interval.high
        assert 0.91 <= held / 400 <= 0.98


class TestResampledAUPRO:
    @pytest.mark.parametrize("shape", [(24, 20), (12, 10, 9)])
    @pytest.mark.parametrize("ties", [False, True])
    def test_compute__as_of_the_drawn_scans(self, shape: tuple[int, ...], ties: bool) -> None:
        scans = volumes(np.random.default_rng(len(shape)), ties=ties, shape=shape)
        labels = [bool(defects.any()) for _, defects in scans]
        resampled = ResampledAUPRO()
        for scores, defects in scans:
            resampled.update(scores, defects)
        counts = np.concatenate([np.ones((1, 5), int), resample_counts(labels, seed=0, resamples=20)])
        found = resampled.compute(counts, LIMITS)
        for index, row in enumerate(counts):
            metric = VolumeAUPRO()
            for drawn in np.repeat(np.arange(5), row):
                metric.update(*scans[drawn])
            expected = metric.compute_limits(LIMITS)
            for limit in LIMITS:
                assert found[limit][index] == pytest.approx(expected[limit], abs=1e-9)

    def test_compute__defects_in_pieces(self) -> None:
        scans = volumes(np.random.default_rng(3), ties=True, shape=(12, 10, 9))
        numbers = [np.where(mask, 1 + np.indices(mask.shape)[2] % 2, 0) for _, mask in scans]
        resampled = ResampledAUPRO()
        for (scores, mask), defects in zip(scans, numbers, strict=True):
            resampled.update(scores, mask, defects=defects)
        counts = resample_counts([bool(mask.any()) for _, mask in scans], seed=0, resamples=20)
        found = resampled.compute(counts, [0.3])[0.3]
        assert (resampled.components(counts) == 6).all()
        for row, value in zip(counts, found, strict=True):
            metric = VolumeAUPRO()
            for drawn in np.repeat(np.arange(5), row):
                metric.update(*scans[drawn], defects=numbers[drawn])
            assert value == pytest.approx(metric.compute(0.3), abs=1e-9)

    def test_compute__thresholds_in_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scans = volumes(np.random.default_rng(0), ties=True, shape=(24, 20))
        resampled = ResampledAUPRO()
        for one in scans:
            resampled.update(*one)
        counts = resample_counts([False, False, True, True, True], seed=0, resamples=7)
        whole = resampled.compute(counts, [0.3])[0.3]
        monkeypatch.setattr("benchmarks.evaluations.intervals.THRESHOLDS_AT_ONCE", 5)
        np.testing.assert_allclose(resampled.compute(counts, [0.3])[0.3], whole, rtol=1e-12)

    def test_compute__no_defect(self) -> None:
        resampled = ResampledAUPRO()
        resampled.update(np.zeros((4, 4)), np.zeros((4, 4), bool))
        with pytest.raises(ModMapError, match="expected a defect in every resample, found one without"):
            resampled.compute(np.ones((2, 1), int), [0.3])


class TestPercentileInterval:
    def test_interval__outer_percentiles(self) -> None:
        found = percentile_interval(np.arange(1001) / 1000)
        assert (found.low, found.high) == pytest.approx((0.025, 0.975))
        assert str(found) == "[0.025, 0.975]"

    @pytest.mark.parametrize(
        ("low", "high", "held"), [(-1, 1, True), (0, 1, True), (0.1, 1, False), (-2, -1, False)]
    )
    def test_holds_zero(self, low: float, high: float, held: bool) -> None:
        assert Interval(low, high).holds_zero is held
