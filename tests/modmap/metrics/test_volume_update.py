"""V-AUPRO of scans that come one after another."""

from __future__ import annotations

import gc
import itertools
import weakref

import numpy as np
import pytest

from modmap.metrics import VolumeAUPRO, volume_aupro
from tests.modmap.metrics.volume_scans import LIMITS, NAN, accumulate, random_scan


class TestUpdate:
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
        one = accumulate([(np.concatenate([s for s, _ in apart]), np.concatenate([g for _, g in apart]))])
        metric = accumulate(scans)
        for limit in LIMITS:
            assert metric.compute(limit) == pytest.approx(one.compute(limit), abs=1e-12)
        together = volume_aupro([s for s, _ in scans], [g for _, g in scans], limit=0.05)
        assert together == metric.compute(0.05)

    def test_update__after_compute(self) -> None:
        scans = [random_scan(seed) for seed in range(2)]
        metric = accumulate(scans[:1])
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
