"""V-AUPRO against exact fractions and explicit thresholds, and cases computed by hand."""

from __future__ import annotations

import gc
import itertools
import weakref
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modmap.errors import ModMapError
from modmap.metrics import VolumeAUPRO, label_defects, volume_aupro
from tests.modmap.metrics.slow_volume_aupro import (
    Array,
    Scan,
    area_under,
    by_number,
    reference_aupro,
    reference_components,
    reference_curve,
)

NAN = float("nan")
LIMITS = [0.01, 0.05, 0.3, 0.5, 1.0]


@st.composite
def drawn_scan(draw: st.DrawFn, dimensions: int = 3) -> Scan:
    shape = draw(st.tuples(*[st.integers(1, 4)] * dimensions))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    levels = st.sampled_from([-2.0, 0.0, 0.1, 0.2, 0.3, 1.0, 1e6])
    scores = draw(hnp.arrays(np.float64, shape, elements=levels)).astype(dtype)
    ground_truth = draw(hnp.arrays(np.bool_, shape))
    observed = draw(hnp.arrays(np.bool_, shape, elements=st.sampled_from([True, True, True, False])))
    scores[~observed] = NAN
    return scores, ground_truth, observed


def usable(scans: list[Scan]) -> bool:
    has_defect = any((truth & seen).any() for _, truth, seen in scans)
    return has_defect and any((seen & ~truth).any() for _, truth, seen in scans)


def accumulate(scans: list[Scan], **choices: Any) -> VolumeAUPRO:
    metric = VolumeAUPRO(**choices)
    for scores, ground_truth, _ in scans:
        metric.update(scores, ground_truth)
    return metric


def random_scan(seed: int, size: int = 12, tied_share: float = 0.0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    scores = rng.exponential(size=(size, size, size))
    ground_truth = rng.random(scores.shape) < 0.01
    scores[ground_truth] += 2
    scores[rng.random(scores.shape) < 0.2] = NAN
    scores[rng.random(scores.shape) < tied_share] = 0.0
    return scores, ground_truth


class TestVolumeAUPRO:
    @settings(max_examples=150, deadline=None)
    @given(
        scans=st.lists(drawn_scan(), min_size=1, max_size=3).filter(usable),
        limit=st.sampled_from(LIMITS) | st.floats(0.001, 1.0),
        connectivity=st.sampled_from([6, 18, 26]),
        nominal=st.sampled_from(["observed", "all"]),
        unobserved=st.sampled_from(["miss", "ignore"]),
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

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(drawn_scan(), min_size=1, max_size=3),
        st.sampled_from(LIMITS),
        st.sampled_from(["observed", "all"]),
        st.sampled_from(["miss", "ignore"]),
    )
    def test_defect_areas__each_defect_by_itself(
        self, scans: list[Scan], limit: float, nominal: Any, unobserved: Any
    ) -> None:
        assume(usable(scans))
        metric = accumulate(scans, nominal=nominal, unobserved_ground_truth=unobserved)
        found = metric.defect_areas(limit)
        sizes = [size for size, _ in reference_components(scans, 26, unobserved)]
        expected = [
            area_under(reference_curve(scans, 26, nominal, unobserved, only=index), limit)
            for index in range(len(sizes))
        ]
        assert sorted((area.voxels, round(area.area, 9)) for area in found) == sorted(
            zip(sizes, (round(area, 9) for area in expected), strict=True)
        )
        assert np.mean([area.area for area in found]) == pytest.approx(metric.compute(limit), abs=1e-12)

    @settings(max_examples=100, deadline=None)
    @given(
        scans=st.lists(drawn_scan(), min_size=1, max_size=3).filter(usable),
        seed=st.integers(0, 2**32 - 1),
        dtype=st.sampled_from([np.uint8, np.int32, np.uint16, np.int64]),
        limit=st.sampled_from(LIMITS),
        nominal=st.sampled_from(["observed", "all"]),
        unobserved=st.sampled_from(["miss", "ignore"]),
    )
    def test_compute__defects_by_number_equal_explicit_thresholds(
        self, scans: list[Scan], seed: int, dtype: Any, limit: float, nominal: Any, unobserved: str
    ) -> None:
        """Numbers with gaps, scattered over the ground truth, so that a defect is in several pieces."""
        rng = np.random.default_rng(seed)
        numbers = [(truth * rng.choice([1, 2, 7, 200], truth.shape)).astype(dtype) for _, truth, _ in scans]
        metric = VolumeAUPRO(nominal=nominal, unobserved_ground_truth=unobserved)  # type: ignore[arg-type]
        for (scores, truth, _), defects in zip(scans, numbers, strict=True):
            metric.update(scores, truth, defects=defects)
        split = [by_number(defects) for defects in numbers]
        points = reference_curve(scans, 26, nominal, unobserved, split=split)
        assert metric.compute(limit) == pytest.approx(area_under(points, limit), abs=1e-9)
        areas = metric.defect_areas(limit)
        sizes = [size for size, _ in reference_components(scans, 26, unobserved, split)]
        assert [one.voxels for one in areas] == sizes
        for index, one in enumerate(areas):
            points = reference_curve(scans, 26, nominal, unobserved, only=index, split=split)
            assert one.area == pytest.approx(area_under(points, limit), abs=1e-9)

    @settings(max_examples=50, deadline=None)
    @given(scans=st.lists(drawn_scan(), min_size=1, max_size=3).filter(usable), limit=st.sampled_from(LIMITS))
    def test_update__components_as_defects_change_nothing(self, scans: list[Scan], limit: float) -> None:
        metric = VolumeAUPRO()
        for scores, truth, _ in scans:
            metric.update(scores, truth, defects=label_defects(truth)[0])
        expected = accumulate(scans)
        assert metric.compute(limit) == expected.compute(limit)
        assert metric.defect_areas(limit) == expected.defect_areas(limit)
        assert volume_aupro(
            [scores for scores, _, _ in scans],
            [truth for _, truth, _ in scans],
            defects=[label_defects(truth)[0] for _, truth, _ in scans],
            limit=limit,
        ) == expected.compute(limit)

    def test_update__a_defect_in_pieces_counts_once(self) -> None:
        # Of the defects 3, in three pieces, and 5, in one, the first's pieces alone are found.
        defects = np.array([[3, 0, 3, 0, 3, 0, 5, 5, 0, 0]])
        scores = (defects == 3).astype(np.float64)
        assert volume_aupro([scores], [defects > 0], limit=0.01) == pytest.approx(0.75, abs=0.01)
        metric = VolumeAUPRO(connectivity=6)
        metric.update(scores, defects > 0, defects=defects, name="part 7")
        assert metric.compute(1e-6) == pytest.approx(0.5, abs=1e-6)
        areas = [(one.scan, one.index, one.voxels, round(one.area, 5)) for one in metric.defect_areas(1e-6)]
        assert areas == [("part 7", 0, 3, 1.0), ("part 7", 1, 2, 0.0)]

    @pytest.mark.parametrize(
        ("defects", "message"),
        [
            ([[1.0, 0.0]], r"expected defects as integers and of the scores' shape \(1, 2\), found float64"),
            ([[True, False]], r"expected defects as integers .* found bool"),
            ([[1, 0, 0]], r"expected defects as integers .* found int64 of shape \(1, 3\)"),
            ([[1, 2]], r"over 0 in the ground truth and 0 elsewhere, found 2 at voxel \(0, 1\) and 1 such"),
            ([[0, 0]], r"over 0 in the ground truth and 0 elsewhere, found 0 at voxel \(0, 0\) and 1 such"),
            ([[-1, 0]], r"over 0 in the ground truth and 0 elsewhere, found -1 at voxel \(0, 0\) and 1 such"),
        ],
    )
    def test_update__wrong_defects(self, defects: Any, message: str) -> None:
        metric = VolumeAUPRO()
        with pytest.raises(ModMapError, match=f"scan_07: .*{message}"):
            metric.update(np.zeros((1, 2)), np.array([[True, False]]), defects=defects, name="scan_07")
        assert metric.components == 0

    def test_defect_areas__numbered_as_labelled(self) -> None:
        ground_truth = np.zeros((9, 3, 3), bool)
        ground_truth[[0, 3, 4, 8], 1, 1] = True
        scores = np.where(ground_truth, 0.0, np.linspace(0.1, 0.2, 81).reshape(9, 3, 3))
        labels, count = label_defects(ground_truth)
        assert count == 3
        scores[labels == 2] = 1
        metric = VolumeAUPRO()
        metric.update(scores, ground_truth, name="part 7")
        areas = metric.defect_areas()
        assert [(one.scan, one.index, one.voxels) for one in areas] == [
            ("part 7", 0, 1),
            ("part 7", 1, 2),
            ("part 7", 2, 1),
        ]
        assert [one.area for one in areas] == pytest.approx([0, 1, 0])

    @settings(max_examples=50, deadline=None)
    @given(scans=st.lists(drawn_scan(dimensions=2), min_size=1, max_size=3).filter(usable))
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
        metric = VolumeAUPRO()
        metric.update(scores[..., None], ground_truth[..., None])
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

    @pytest.mark.parametrize(("connectivity", "expected"), [(6, 4), (18, 3), (26, 2)])
    def test_components__diagonal_voxels(self, connectivity: Any, expected: int) -> None:
        # Touching by an edge, then by a corner; and one apart.
        ground_truth = np.zeros((6, 6, 6), dtype=bool)
        for voxel in [(0, 0, 0), (0, 1, 1), (1, 2, 2), (5, 5, 5)]:
            ground_truth[voxel] = True
        metric = VolumeAUPRO(connectivity=connectivity)
        metric.update(np.zeros(ground_truth.shape), ground_truth)
        assert metric.components == expected

    @pytest.mark.parametrize(("connectivity", "expected"), [(6, 2), (18, 1), (26, 1)])
    def test_components__diagonal_pixels(self, connectivity: Any, expected: int) -> None:
        metric = VolumeAUPRO(connectivity=connectivity)
        metric.update(np.zeros((2, 2)), np.eye(2, dtype=bool))
        assert metric.components == expected

    def test_components__never_span_scans(self) -> None:
        metric = VolumeAUPRO()
        for _ in range(3):
            metric.update(np.zeros((2, 2, 2)), np.ones((2, 2, 2), dtype=bool))
        assert metric.components == 3

    def test_unobserved_ground_truth__miss_or_ignore(self) -> None:
        # One defect half seen, one never seen; every seen voxel of a defect is above every nominal voxel.
        scores = np.array([[2.0, NAN, 0.0, 0.0, 0.0, NAN]])[..., None]
        ground_truth = np.array([[True, True, False, False, False, True]])[..., None]
        miss = VolumeAUPRO()
        ignore = VolumeAUPRO(unobserved_ground_truth="ignore")
        for metric in (miss, ignore):
            metric.update(scores, ground_truth)
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

    def test_update__observed_overrides_scores(self) -> None:
        scores, ground_truth = random_scan(0)
        observed = ~np.isnan(scores)
        filled = np.where(observed, scores, 1e9)
        expected = volume_aupro([scores], [ground_truth], limit=0.3)
        assert volume_aupro([filled], [ground_truth], limit=0.3, observed=[observed]) == expected
        filled[~observed] = np.inf
        assert volume_aupro([filled], [ground_truth], limit=0.3, observed=[observed]) == expected

    def test_update__order_is_irrelevant(self) -> None:
        scans = [random_scan(seed) for seed in range(4)]
        values = {
            round(volume_aupro([scans[i][0] for i in order], [scans[i][1] for i in order], limit=0.05), 12)
            for order in itertools.permutations(range(4))
        }
        assert len(values) == 1

    def test_update__scan_by_scan_equals_one_volume(self) -> None:
        # The same scans set side by side, with an empty layer between so that no defects merge.
        scans = [random_scan(seed) for seed in range(3)]
        gap = np.full((1, 12, 12), NAN), np.zeros((1, 12, 12), dtype=bool)
        apart = [part for scan in scans for part in (scan, gap)]
        one = VolumeAUPRO()
        one.update(np.concatenate([s for s, _ in apart]), np.concatenate([g for _, g in apart]))
        metric = VolumeAUPRO()
        for scores, ground_truth in scans:
            metric.update(scores, ground_truth)
        for limit in LIMITS:
            assert metric.compute(limit) == pytest.approx(one.compute(limit), abs=1e-12)
        together = volume_aupro([s for s, _ in scans], [g for _, g in scans], limit=0.05)
        assert together == metric.compute(0.05)

    def test_update__after_compute(self) -> None:
        scans = [random_scan(seed) for seed in range(2)]
        metric = VolumeAUPRO()
        metric.update(*scans[0])
        metric.compute(0.3)
        metric.update(*scans[1])
        expected = volume_aupro([s for s, _ in scans], [g for _, g in scans], limit=0.3)
        assert metric.compute(0.3) == expected
        assert metric.compute(0.3) == expected

    def test_update__keeps_no_volume(self) -> None:
        scores, ground_truth = random_scan(0)
        metric = VolumeAUPRO()
        metric.update(scores, ground_truth)
        volumes = weakref.ref(scores), weakref.ref(ground_truth)
        del scores, ground_truth
        gc.collect()
        assert [volume() for volume in volumes] == [None, None]

    def test_update__refused_scan_leaves_no_trace(self) -> None:
        scores, ground_truth = random_scan(0)
        metric = VolumeAUPRO()
        metric.update(scores, ground_truth)
        before = metric.compute(0.3)
        with pytest.raises(ModMapError):
            metric.update(np.full((2, 2, 2), np.inf), np.ones((2, 2, 2), dtype=bool))
        assert metric.compute(0.3) == before

    @settings(max_examples=50, deadline=None)
    @given(
        levels=hnp.arrays(np.int64, (4, 4, 4), elements=st.integers(-20, 20)),
        ground_truth=hnp.arrays(np.bool_, (4, 4, 4)),
        limit=st.sampled_from(LIMITS),
    )
    def test_compute__monotone_transform(self, levels: Array, ground_truth: Array, limit: float) -> None:
        assume(ground_truth.any() and not ground_truth.all())
        expected = volume_aupro([levels.astype(np.float32)], [ground_truth], limit=limit)
        cubed = (levels**3 - 7).astype(np.float64)
        assert volume_aupro([cubed], [ground_truth], limit=limit) == pytest.approx(expected, abs=1e-12)

    def test_compute__limits_share_one_sort(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scores, ground_truth = random_scan(0)
        metric = VolumeAUPRO()
        metric.update(scores, ground_truth)
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
        scores, ground_truth = random_scan(0, tied_share=0.3)
        metric = VolumeAUPRO()
        metric.update(scores, ground_truth)
        fpr, pro = metric.curve(limit=limit)
        assert (fpr[0], pro[0], fpr[-1]) == (0, 0, limit)
        assert (np.diff(fpr) >= 0).all()
        assert (np.diff(pro) >= 0).all()

    def test_curve__passes_every_threshold(self) -> None:
        scores, ground_truth = random_scan(0, 8, tied_share=0.3)
        metric = VolumeAUPRO()
        metric.update(scores, ground_truth)
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

    def test_compute__empty_ground_truth(self) -> None:
        metric = VolumeAUPRO()
        metric.update(np.zeros((2, 2, 2)), np.zeros((2, 2, 2), dtype=bool))
        with pytest.raises(ModMapError, match=r"empty ground truth.* 1 scans"):
            metric.compute()
        metric.update(np.zeros((2, 2, 2)), np.eye(2, dtype=bool)[None].repeat(2, axis=0))
        assert metric.compute(1.0) == pytest.approx(0.5)

    def test_compute__no_scan(self) -> None:
        with pytest.raises(ModMapError, match="empty ground truth"):
            VolumeAUPRO().compute()

    def test_compute__every_component_ignored(self) -> None:
        scores, ground_truth = np.array([[NAN, 0.0]]), np.array([[True, False]])
        with pytest.raises(ModMapError, match=r"empty ground truth.*1 left out as never observed"):
            volume_aupro([scores], [ground_truth], unobserved_ground_truth="ignore")
        assert volume_aupro([scores], [ground_truth]) == 0

    @pytest.mark.parametrize("nominal_score", [[], [NAN]])
    def test_compute__no_observed_nominal_voxel(self, nominal_score: list[float]) -> None:
        scores = np.array([[1.0, *nominal_score]])
        ground_truth = np.array([[True, *[False] * len(nominal_score)]])
        with pytest.raises(ModMapError, match="no nominal voxel"):
            volume_aupro([scores], [ground_truth])

    @pytest.mark.parametrize("limit", [0.0, -0.1, 1.01, NAN])
    def test_compute__limit_out_of_range(self, limit: float) -> None:
        metric = VolumeAUPRO()
        metric.update(np.zeros((1, 2)), np.array([[True, False]]))
        for call in (
            metric.compute,
            lambda x: metric.compute_limits([0.1, x]),
            lambda x: metric.curve(limit=x),
        ):
            with pytest.raises(ModMapError, match=r"limit: expected .* in \(0, 1\]"):
                call(limit)

    def test_compute_limits__none(self) -> None:
        with pytest.raises(ModMapError, match="at least one"):
            VolumeAUPRO().compute_limits([])

    @pytest.mark.parametrize("bad", [NAN, np.inf, -np.inf])
    def test_update__not_finite_where_observed(self, bad: float) -> None:
        scores = np.zeros((2, 3, 4), dtype=np.float32)
        scores[1, 2, 3] = bad
        everywhere, ground_truth = np.ones(scores.shape, dtype=bool), np.zeros(scores.shape, dtype=bool)
        with pytest.raises(ModMapError, match=r"scan_07: .*finite.*at voxel \(1, 2, 3\)"):
            VolumeAUPRO().update(scores, ground_truth, observed=everywhere, name="scan_07")

    def test_update__infinite_without_observed(self) -> None:
        with pytest.raises(ModMapError, match=r"scan 0: .*finite"):
            VolumeAUPRO().update(np.array([[np.inf, 0.0]]), np.array([[True, False]]))

    @pytest.mark.parametrize(
        ("scores", "ground_truth", "observed", "message"),
        [
            (np.zeros((2, 2, 2)), np.zeros((2, 2, 3), dtype=bool), None, r"ground_truth.*\(2, 2, 3\)"),
            (np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), None, "ground_truth bool.*float64"),
            (
                np.zeros((2, 2)),
                np.zeros((2, 2), dtype=bool),
                np.ones((2, 1), dtype=bool),
                r"observed.*\(2, 1\)",
            ),
            (np.zeros((2, 2), dtype=int), np.zeros((2, 2), dtype=bool), None, "float scores, found int64"),
            (np.zeros(4), np.zeros(4, dtype=bool), None, r"\(X, Y, Z\) or \(H, W\), found \(4,\)"),
        ],
    )
    def test_update__wrong_shape_or_type(
        self, scores: Array, ground_truth: Array, observed: Array | None, message: str
    ) -> None:
        with pytest.raises(ModMapError, match=f"scan_07: .*{message}"):
            VolumeAUPRO().update(scores, ground_truth, observed=observed, name="scan_07")

    @pytest.mark.parametrize(
        "choice", [{"connectivity": 8}, {"nominal": "seen"}, {"unobserved_ground_truth": "drop"}]
    )
    def test_init__unknown_choice(self, choice: dict[str, Any]) -> None:
        (argument,) = choice
        with pytest.raises(ModMapError, match=f"{argument}: expected one of"):
            VolumeAUPRO(**choice)

    def test_volume_aupro__lengths_differ(self) -> None:
        volume, ground_truth = np.zeros((1, 2)), np.array([[True, False]])
        with pytest.raises(ModMapError, match="ground_truths: expected one for each of 2 volumes, found 1"):
            volume_aupro([volume, volume], [ground_truth])
        with pytest.raises(ModMapError, match="defects: expected one for each of 1 volumes, found 0"):
            volume_aupro([volume], [ground_truth], defects=[])
        with pytest.raises(ModMapError, match="names: expected one for each of 1 volumes, found 2"):
            volume_aupro([volume], [ground_truth], names=["a", "b"])

    def test_volume_aupro__names_the_scan(self) -> None:
        volume, ground_truth = np.zeros((1, 2)), np.array([[True, False]])
        with pytest.raises(ModMapError, match="scan_b: "):
            volume_aupro([volume, volume - np.inf], [ground_truth] * 2, names=["scan_a", "scan_b"])
