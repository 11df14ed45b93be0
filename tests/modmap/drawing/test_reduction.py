"""Views made few and small."""

from __future__ import annotations

import numpy as np
import pytest

from modmap.drawing.reduction import depth_range, evenly_spread, largest, measured_depth, reduced_size


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


class TestLargest:
    @pytest.mark.parametrize("size", [(1, 1), (3, 2), (7, 5), (4, 5), (7, 1)])
    def test_largest__of_each_block_without_what_isnt_there(self, size: tuple[int, int]) -> None:
        values = np.random.default_rng(0).random((5, 7)).astype(np.float32)
        values[:3] = np.nan
        values[1, 2] = 9
        reduced = largest(values, size)
        assert reduced.shape == size[::-1]
        assert np.nanmax(reduced) == 9
        assert np.isnan(reduced).sum() <= np.isnan(values).sum()
        assert np.isin(reduced[np.isfinite(reduced)], values).all()

    def test_largest__of_one_size__changes_nothing(self) -> None:
        values = np.arange(12.0).reshape(3, 4)
        np.testing.assert_array_equal(largest(values, (4, 3)), values)


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
