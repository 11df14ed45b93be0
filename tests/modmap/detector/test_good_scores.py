"""Scores of good scans, against slow references."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modmap.detector.good_scores import (
    check_share,
    exceeded_by,
    left_out_distances,
    scores_of_scan,
    scores_of_views,
)
from modmap.detector.model import ModMap
from modmap.errors import ModMapError
from modmap.scan import Scan
from tests.modmap import slow_mapping as slow
from tests.modmap.banks import random_bank, random_mapper

ScanMaker = Callable[..., Scan]


class TestExceededBy:
    @settings(deadline=None)
    @given(
        st.lists(st.lists(st.integers(0, 9).map(float), max_size=9), min_size=1, max_size=4),
        st.floats(0, 0.99),
    )
    def test_exceeded_by__sorted_whole(self, parts: list[list[float]], share: float) -> None:
        flat = sorted(value for part in parts for value in part)
        if not flat:
            return
        found = exceeded_by((np.array(part) for part in parts), share=share, total=len(flat))
        assert found == flat[-1 - int(share * len(flat))]
        assert sum(value > found for value in flat) <= share * len(flat)

    @pytest.mark.parametrize("share", [-0.1, 1.0, math.nan])
    def test_check_share__out_of_range(self, share: float) -> None:
        with pytest.raises(ModMapError, match="surface share: expected a number from 0 to below 1"):
            check_share(share)


class TestLeftOutMaps:
    @settings(max_examples=8, deadline=None)
    @given(seed=st.integers(0, 2**31), views=st.integers(1, 4))
    def test_left_out__slow_loop_over_the_other_views(self, seed: int, views: int) -> None:
        bank, mapper = random_bank(seed, views=views), random_mapper(seed, views=views)
        expected = np.full((2, *bank.foreground.shape), np.inf)
        for target in range(views):
            for place in np.flatnonzero(bank.foreground[target].numpy()):
                for source in range(views):
                    if source != target and bank.foreground[source, place]:
                        found = slow.distances(mapper, bank, source, target, int(place))
                        expected[:, target, place] = np.minimum(expected[:, target, place], found)
        found = left_out_distances(mapper, bank)
        image, depth = found.image, found.depth
        np.testing.assert_allclose(image.numpy(), expected[0], atol=1e-6)
        np.testing.assert_allclose(depth.numpy(), expected[1], atol=1e-6)


class TestScores:
    @pytest.fixture(scope="class")
    def fitted(self, make_model: Callable[..., ModMap]) -> ModMap:
        return make_model()

    def test_scores_of_scan__all_its_pixels_and_voxels(self, fitted: ModMap, make_scan: ScanMaker) -> None:
        result = fitted.predict(make_scan(change=("01",)))
        found = scores_of_scan(result, share=0.1)
        pixels = np.concatenate([result.map(view)[maps.foreground] for view, maps in result.views.items()])
        voxels = result.require_volume().scores
        assert found.score == result.score
        assert found.pixel == np.sort(pixels)[-1 - len(pixels) // 10]
        seen = np.sort(voxels[~np.isnan(voxels)])
        assert found.voxel == seen[-1 - len(seen) // 10]

    def test_scores_of_scan__without_a_volume(self, fitted: ModMap, make_scan: ScanMaker) -> None:
        assert scores_of_scan(fitted.predict(make_scan(), volume=False), share=0).voxel is None

    def test_scores_of_views__each_by_itself(self, fitted: ModMap, make_scan: ScanMaker) -> None:
        scan = make_scan()
        views = fitted.predict(scan).views
        found = scores_of_views(scan, views, fitted.fitted.grid_for(scan), share=0)
        assert [one.score for one in found] == [np.nanmax(maps.combined()) for maps in views.values()]
        assert all(one.score == one.pixel == one.voxel for one in found)
