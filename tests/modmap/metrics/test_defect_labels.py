"""Which voxels are one defect, by touching or by number, and V-AUPRO of each by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modmap.metrics import VolumeAUPRO, label_defects, volume_aupro
from tests.modmap.metrics.slow_volume_aupro import (
    Scan,
    area_under,
    by_number,
    reference_components,
    reference_curve,
)
from tests.modmap.metrics.volume_scans import (
    accumulate,
    drawn_scans,
    limits,
    nominal_voxels,
    unobserved_ground_truths,
)


class TestDefects:
    @settings(max_examples=60, deadline=None)
    @given(scans=drawn_scans(), limit=limits, nominal=nominal_voxels, unobserved=unobserved_ground_truths)
    def test_defect_areas__each_defect_by_itself(
        self, scans: list[Scan], limit: float, nominal: Any, unobserved: Any
    ) -> None:
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
        scans=drawn_scans(),
        seed=st.integers(0, 2**32 - 1),
        dtype=st.sampled_from([np.uint8, np.int32, np.uint16, np.int64]),
        limit=limits,
        nominal=nominal_voxels,
        unobserved=unobserved_ground_truths,
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
    @given(scans=drawn_scans(), limit=limits)
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

    @pytest.mark.parametrize(("connectivity", "expected"), [(6, 4), (18, 3), (26, 2)])
    def test_components__diagonal_voxels(self, connectivity: Any, expected: int) -> None:
        # Touching by an edge, then by a corner; and one apart.
        ground_truth = np.zeros((6, 6, 6), dtype=bool)
        for voxel in [(0, 0, 0), (0, 1, 1), (1, 2, 2), (5, 5, 5)]:
            ground_truth[voxel] = True
        metric = accumulate([(np.zeros(ground_truth.shape), ground_truth)], connectivity=connectivity)
        assert metric.components == expected

    @pytest.mark.parametrize(("connectivity", "expected"), [(6, 2), (18, 1), (26, 1)])
    def test_components__diagonal_pixels(self, connectivity: Any, expected: int) -> None:
        metric = accumulate([(np.zeros((2, 2)), np.eye(2, dtype=bool))], connectivity=connectivity)
        assert metric.components == expected

    def test_components__never_span_scans(self) -> None:
        metric = accumulate([(np.zeros((2, 2, 2)), np.ones((2, 2, 2), dtype=bool))] * 3)
        assert metric.components == 3
