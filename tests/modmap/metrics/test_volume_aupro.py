"""V-AUPRO against exact fractions and explicit thresholds, and cases computed by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modmap.metrics import VolumeAUPRO, volume_aupro
from tests.modmap.metrics.slow_volume_aupro import (
    Array,
    Scan,
    area_under,
    reference_aupro,
    reference_components,
    reference_curve,
)
from tests.modmap.metrics.volume_scans import (
    LIMITS,
    NAN,
    accumulate,
    drawn_scans,
    limits,
    nominal_voxels,
    random_scan,
    unobserved_ground_truths,
)


class TestVolumeAUPRO:
    @settings(max_examples=150, deadline=None)
    @given(
        scans=drawn_scans(),
        limit=limits | st.floats(0.001, 1.0),
        connectivity=st.sampled_from([6, 18, 26]),
        nominal=nominal_voxels,
        unobserved=unobserved_ground_truths,
    )
    def test_compute__equals_explicit_thresholds(
        self, scans: list[Scan], limit: float, connectivity: int, nominal: str, unobserved: str
    ) -> None:
        metric = accumulate(
            scans, connectivity=connectivity, nominal=nominal, unobserved_ground_truth=unobserved
        )
        expected = reference_aupro(scans, limit, connectivity, nominal, unobserved)
        assert metric.compute(limit) == pytest.approx(expected, abs=1e-9)
        assert metric.components == len(reference_components(scans, connectivity, unobserved))

    @settings(max_examples=50, deadline=None)
    @given(scans=drawn_scans(dimensions=2))
    @pytest.mark.parametrize("connectivity", [6, 26])
    def test_compute__maps_in_2d(self, connectivity: int, scans: list[Scan]) -> None:
        metric = accumulate(scans, connectivity=connectivity)
        assert metric.compute(0.3) == pytest.approx(reference_aupro(scans, 0.3, connectivity), abs=1e-9)

    @pytest.mark.parametrize("limit", LIMITS)
    @pytest.mark.parametrize("tied_share", [0.0, 0.85])
    def test_compute__thousands_of_voxels(self, tied_share: float, limit: float) -> None:
        scans = [(s, truth, ~np.isnan(s)) for s, truth in (random_scan(0, 8, tied_share), random_scan(1, 8))]
        expected = reference_aupro(scans, limit)
        assert accumulate(scans).compute(limit) == pytest.approx(expected, abs=1e-9)

    def test_compute__by_hand(self) -> None:
        # Two defects, of two voxels (9, 6) and of one (7), and eleven nominal voxels. From the top: 9 finds
        # half of the first (PRO 1/4), 8 is a false alarm, 7 finds the second (3/4), 6 ties with a nominal.
        scores = np.array([[9.0, 6, 8, 6, 1, 1, 1, 7], [1, 1, 1, 1, 1, 0, NAN, NAN]])
        ground_truth = np.zeros(scores.shape, dtype=bool)
        ground_truth[0, [0, 1, 7]] = True
        metric = accumulate([(scores[..., None], ground_truth[..., None])])
        nominal_voxels = 11
        fpr, pro = metric.curve(limit=2 / nominal_voxels)
        corners = sorted(set(zip((fpr * nominal_voxels).round(9), pro, strict=True)))
        assert corners == [(0, 0), (0, 0.25), (1, 0.25), (1, 0.75), (2, 1)]
        assert metric.compute(1 / nominal_voxels) == pytest.approx(0.25)
        assert metric.compute(1.5 / nominal_voxels) == pytest.approx((0.25 + 0.5 * (0.75 + 0.875) / 2) / 1.5)
        assert metric.compute(2 / nominal_voxels) == pytest.approx((0.25 + 0.875) / 2)
        assert metric.compute(1.0) == pytest.approx((0.25 + 0.875 + 9) / 11)

    @pytest.mark.parametrize("limit", LIMITS)
    def test_compute__perfect(self, limit: float) -> None:
        _, ground_truth = random_scan(0)
        assert volume_aupro([ground_truth.astype(np.float64)], [ground_truth], limit=limit) == pytest.approx(
            1
        )

    @pytest.mark.parametrize("limit", LIMITS)
    def test_compute__inverted(self, limit: float) -> None:
        _, ground_truth = random_scan(0)
        assert volume_aupro([-ground_truth.astype(np.float64)], [ground_truth], limit=limit) == 0

    @pytest.mark.parametrize("limit", LIMITS)
    def test_compute__all_scores_equal(self, limit: float) -> None:
        # One straight line from (0, 0) to (1, 1).
        _, ground_truth = random_scan(0)
        flat = np.full(ground_truth.shape, 0.3)
        assert volume_aupro([flat], [ground_truth], limit=limit) == pytest.approx(limit / 2)

    def test_compute__small_defect_weighs_as_much_as_large(self) -> None:
        scores, ground_truth = np.zeros((10, 10, 10)), np.zeros((10, 10, 10), dtype=bool)
        ground_truth[:4, :4, :4] = True
        ground_truth[8, 8, 8] = True
        scores[8, 8, 8], scores[9] = 3.0, 2.0
        assert volume_aupro([scores], [ground_truth], limit=0.05) == pytest.approx(0.5)

    def test_compute__false_positive_rate_is_pooled(self) -> None:
        # The noisy scan alone has a false positive rate of 1 before the defect is found; pooled it is 1/10.
        defect = np.zeros((1, 1, 10), dtype=bool)
        defect[0, 0, 0] = True
        clean, noisy = np.zeros((1, 1, 10)), np.full((1, 1, 1), 5.0)
        clean[0, 0, 0] = 4.0
        value = volume_aupro([clean, noisy], [defect, np.zeros((1, 1, 1), dtype=bool)], limit=0.2)
        assert value == pytest.approx(0.5)

    def test_unobserved_ground_truth__miss_or_ignore(self) -> None:
        # One defect half seen, one never seen; every seen voxel of a defect is above every nominal voxel.
        scores = np.array([[2.0, NAN, 0.0, 0.0, 0.0, NAN]])[..., None]
        ground_truth = np.array([[True, True, False, False, False, True]])[..., None]
        miss = accumulate([(scores, ground_truth)])
        ignore = accumulate([(scores, ground_truth)], unobserved_ground_truth="ignore")
        assert (miss.components, miss.ignored_components) == (2, 0)
        assert (ignore.components, ignore.ignored_components) == (1, 1)
        assert miss.compute(1.0) == pytest.approx(0.25)
        assert ignore.compute(1.0) == pytest.approx(1.0)

    def test_nominal__all_counts_unobserved_voxels(self) -> None:
        # Two nominal voxels seen, one of them above the defect; "all" adds eight that were not.
        scores = np.array([[[3.0, 1.0, 2.0, *[NAN] * 8]]])
        ground_truth = np.zeros(scores.shape, dtype=bool)
        ground_truth[0, 0, 2] = True
        assert volume_aupro([scores], [ground_truth], limit=1.0) == pytest.approx(0.5)
        assert volume_aupro([scores], [ground_truth], limit=1.0, nominal="all") == pytest.approx(0.9)
        assert volume_aupro([scores], [ground_truth], limit=0.1, nominal="all") == 0

    @settings(max_examples=50, deadline=None)
    @given(
        levels=hnp.arrays(np.int64, (4, 4, 4), elements=st.integers(-20, 20)),
        ground_truth=hnp.arrays(np.bool_, (4, 4, 4)),
        limit=limits,
    )
    def test_compute__monotone_transform(self, levels: Array, ground_truth: Array, limit: float) -> None:
        assume(ground_truth.any() and not ground_truth.all())
        expected = volume_aupro([levels.astype(np.float32)], [ground_truth], limit=limit)
        cubed = (levels**3 - 7).astype(np.float64)
        assert volume_aupro([cubed], [ground_truth], limit=limit) == pytest.approx(expected, abs=1e-12)

    def test_compute__limits_share_one_sort(self, monkeypatch: pytest.MonkeyPatch) -> None:
        metric = accumulate([random_scan(0)])
        one_by_one = {limit: metric.compute(limit) for limit in (0.01, 0.05, 0.3)}
        curves, curve = [], VolumeAUPRO.curve
        monkeypatch.setattr(
            VolumeAUPRO, "curve", lambda self, *, limit: curves.append(limit) or curve(self, limit=limit)
        )
        assert metric.compute_limits([0.01, 0.05, 0.3]) == pytest.approx(one_by_one, abs=1e-12)
        assert curves == [0.3]

    @pytest.mark.parametrize("limit", [0.001, 0.01, 0.3])
    @pytest.mark.parametrize("steps", [20, 10**6])
    def test_compute__large_maps_equal_every_threshold_at_once(self, limit: float, steps: int) -> None:
        rng = np.random.default_rng(steps)
        maps = np.round(rng.random((3, 128, 128)) * steps) / steps
        truth = np.zeros(maps.shape, dtype=bool)
        truth[0, 5:40, 5:40] = truth[0, 60:64, 60:90] = truth[2, 100:, 100:] = True
        maps[truth] += 0.05
        weights = np.zeros(maps.shape)
        for box in (
            (0, slice(5, 40), slice(5, 40)),
            (0, slice(60, 64), slice(60, 90)),
            (2, slice(100, None), slice(100, None)),
        ):
            weights[box] = 1 / (3 * weights[box].size)
        levels, level = np.unique(maps, return_inverse=True)
        pro, fpr = (
            np.bincount(level.ravel(), one.ravel(), len(levels))[::-1].cumsum() for one in (weights, ~truth)
        )
        fpr, pro = np.append(0, fpr / (~truth).sum()), np.append(0, pro)
        inside = fpr < limit
        x, y = np.append(fpr[inside], limit), np.append(pro[inside], np.interp(limit, fpr, pro))
        expected = float(((x[1:] - x[:-1]) * (y[1:] + y[:-1])).sum()) / 2 / limit
        found = volume_aupro(list(maps), list(truth), limit=limit)
        assert found == pytest.approx(expected, abs=1e-12)

    @pytest.mark.parametrize("limit", LIMITS)
    def test_curve__ascends_to_limit(self, limit: float) -> None:
        metric = accumulate([random_scan(0, tied_share=0.3)])
        fpr, pro = metric.curve(limit=limit)
        assert (fpr[0], pro[0], fpr[-1]) == (0, 0, limit)
        assert (np.diff(fpr) >= 0).all()
        assert (np.diff(pro) >= 0).all()

    def test_curve__passes_every_threshold(self) -> None:
        scores, ground_truth = random_scan(0, 8, tied_share=0.3)
        metric = accumulate([(scores, ground_truth)])
        fpr, pro = metric.curve()
        expected = reference_curve([(scores, ground_truth, ~np.isnan(scores))], 26, "observed", "miss")
        for x, y in expected:
            # Where the curve rises vertically, any height between its two ends lies on it.
            low = pro[np.searchsorted(fpr, float(x) - 1e-9)]
            high = pro[np.searchsorted(fpr, float(x) + 1e-9) - 1]
            on_vertical = min(low, high) - 1e-9 <= float(y) <= max(low, high) + 1e-9
            assert on_vertical or np.interp(float(x), fpr, pro) == pytest.approx(float(y), abs=1e-9)

    def test_compute__threshold_grid_would_underestimate(self) -> None:
        # Why every score is a threshold: the nominal scores' tail is heavy, P(score > x) = 1 / x, so a few are
        # far above the rest and the steps of a 100-step grid are too wide to see what happens below FPR = 1%.
        # The defect's voxels are found evenly while FPR goes from 0.25% to 0.5%.
        nominal = 20_000 / (np.arange(20_000) + 0.5)
        defect = 1 / np.linspace(0.0025, 0.005, 1000)
        scores = np.concatenate([nominal, defect])[None]
        ground_truth = (np.arange(scores.size) >= len(nominal))[None]
        points = [(Fraction(0), Fraction(0))]
        for threshold in np.linspace(scores.max(), scores.min(), 100).tolist():
            alarms, found = int((nominal >= threshold).sum()), int((defect >= threshold).sum())
            points.append((Fraction(alarms, len(nominal)), Fraction(found, len(defect))))
        exact = volume_aupro([scores], [ground_truth])
        assert exact == pytest.approx((0.0025 / 2 + 0.005) / 0.01, abs=0.01)
        assert area_under(points, 0.01) < 0.8 * exact
