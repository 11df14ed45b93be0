"""Views made few and small."""

from __future__ import annotations

import numpy as np
import pytest

from modmap.report.reduction import depth_range, evenly_spread, measured_depth, reduced_size


class TestEvenlySpread:
    @pytest.mark.parametrize("count", [1, 3, 6, 7, 12, 36, 100])
    def test_evenly_spread__distances_differ_by_one_at_most(self, count: int) -> None:
        kept = evenly_spread(range(count), 6)
        assert len(kept) == min(count, 6)
        assert kept[0] == 0
        assert np.ptp(np.diff([*kept, count])) <= 1


class TestReducedSize:
    @pytest.mark.parametrize(
        ("shape", "size"), [((60, 80), (80, 60)), ((3000, 4096), (280, 205)), ((4096, 1), (1, 280))]
    )
    def test_reduced_size__never_larger_and_never_nothing(
        self, shape: tuple[int, int], size: tuple[int, int]
    ) -> None:
        assert reduced_size(shape, 280) == size


class TestMeasuredDepth:
    def test_measured_depth__holes_are_no_depth_and_nothing_is_mixed(self) -> None:
        depth = np.random.default_rng(0).choice([0, 400, 500], (40, 60)).astype(np.float32)
        reduced = measured_depth(depth, (30, 20))
        assert reduced.shape == (20, 30)
        assert set(np.unique(reduced[np.isfinite(reduced)])) == {400, 500}
        assert np.isnan(reduced).any()


class TestDepthRange:
    def test_depth_range__over_all_maps(self) -> None:
        near, far = depth_range([np.full((3, 3), np.nan), np.linspace(100, 200, 101).reshape(1, -1)])
        assert (near, far) == pytest.approx((101, 199))

    @pytest.mark.parametrize("depths", [[], [np.full((2, 2), np.nan)], [np.full((2, 2), 7.0)]])
    def test_depth_range__is_never_empty(self, depths: list[np.ndarray]) -> None:
        near, far = depth_range(depths)
        assert far > near
