"""Per-region overlap against modmap's exact metric, which is tested against a slow one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dino_depth.probing.overlap import per_region_overlap
from modmap.metrics import volume_aupro


class TestPerRegionOverlap:
    @example(seed=270, levels=100_000)  # the overlap rises where the rate is at the limit
    @given(seed=st.integers(0, 1000), levels=st.sampled_from([3, 50, 100_000]))
    @settings(max_examples=40, deadline=None)
    def test_per_region_overlap__equals_modmaps(self, seed: int, levels: int) -> None:
        rng = np.random.default_rng(seed)
        truths = [rng.random((12, 15)) < 0.1 for _ in range(3)]
        maps = [
            np.round((rng.random(truth.shape) + 0.5 * truth) * levels).astype(np.float32) for truth in truths
        ]
        for limit in (0.01, 0.3, 1.0):
            expected = volume_aupro(maps, truths, limit=limit)
            assert per_region_overlap(maps, truths, limit=limit) == pytest.approx(expected, abs=1e-9)

    def test_per_region_overlap__without_a_region(self) -> None:
        flat = np.zeros((4, 4), np.float32)
        assert math.isnan(per_region_overlap([flat], [flat > 0], limit=0.3))
        assert math.isnan(per_region_overlap([flat], [flat == 0], limit=0.3))
