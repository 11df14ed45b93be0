"""Regions over thresholds, on volumes drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modmap.defects.regions import find_regions
from modmap.errors import ModMapError
from modmap.volume import AnomalyVolume, VoxelGrid


def _volume(shape: tuple[int, int, int], **scores: float) -> AnomalyVolume:
    """Zeros but for the voxels named like `at_1_2_3`."""
    values = np.zeros(shape, dtype=np.float32)
    for name, score in scores.items():
        values[tuple(int(n) for n in name.split("_")[1:])] = score
    return AnomalyVolume(VoxelGrid(np.zeros(3), 1.0, shape), values)


class TestFindRegions:
    def test_regions__corners_touch(self) -> None:
        volume = _volume((5, 5, 5), at_0_0_0=1, at_1_1_1=2, at_3_3_3=3, at_4_3_3=1)
        found = [sorted(map(tuple, one.tolist())) for one in find_regions(volume, threshold=0.5)]
        assert found == [[(3, 3, 3), (4, 3, 3)], [(0, 0, 0), (1, 1, 1)]]

    def test_regions__peak_decides_and_threshold_outlines(self) -> None:
        volume = _volume((9, 1, 1), at_0_0_0=1, at_1_0_0=3, at_2_0_0=1, at_5_0_0=2)
        (found,) = find_regions(volume, threshold=0.5, peak_threshold=2)
        assert found[:, 0].tolist() == [0, 1, 2]

    def test_regions__unseen_voxels_part(self) -> None:
        volume = _volume((3, 1, 1), at_0_0_0=1, at_1_0_0=np.nan, at_2_0_0=1)
        assert len(find_regions(volume, threshold=0.5)) == 2

    def test_regions__none(self) -> None:
        assert find_regions(_volume((3, 3, 3), at_0_0_0=1), threshold=1) == []

    @settings(deadline=None)
    @given(st.integers(0, 2**31), st.floats(0.5, 0.95))
    def test_regions__flood_fill(self, seed: int, threshold: float) -> None:
        scores = np.random.default_rng(seed).random((5, 4, 6)).astype(np.float32)
        volume = AnomalyVolume(VoxelGrid(np.zeros(3), 1.0, (5, 4, 6)), scores)
        left = {tuple(voxel) for voxel in np.argwhere(scores > threshold).tolist()}
        expected = []
        while left:
            region, front = set(), [left.pop()]
            while front:
                voxel = front.pop()
                region.add(voxel)
                near = [one for one in left if max(abs(a - b) for a, b in zip(one, voxel, strict=True)) == 1]
                left -= set(near)
                front += near
            expected.append(region)
        found = find_regions(volume, threshold=threshold)
        assert {frozenset(map(tuple, one.tolist())) for one in found} == {frozenset(one) for one in expected}
        peaks = [scores[tuple(one.T)].max() for one in found]
        assert peaks == sorted(peaks, reverse=True)

    @pytest.mark.parametrize(("threshold", "peak"), [(2.0, 1.0), (float("nan"), 1.0)])
    def test_regions__thresholds_the_wrong_way_round(self, threshold: float, peak: float) -> None:
        with pytest.raises(ModMapError, match="expected a peak threshold of at least the voxel threshold"):
            find_regions(_volume((1, 1, 1)), threshold=threshold, peak_threshold=peak)
