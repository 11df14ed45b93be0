"""Projections of volumes whose outcome is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modmap.figures.volume_projection import largest_along_view
from modmap.volume import AnomalyVolume, VoxelGrid

FRONT = (0.0, -1.0, 0.0)


def volume_of(scores: Any) -> AnomalyVolume:
    scores = np.asarray(scores, dtype=np.float32)
    return AnomalyVolume(VoxelGrid(np.array([10.0, -5.0, 3.0]), 2.0, scores.shape), scores)


class TestLargestAlongView:
    @pytest.mark.parametrize("direction", [FRONT, (0.55, -0.75, 0.65), (-3.0, 0.1, -0.2)])
    def test_scores__are_the_volumes_and_the_largest_is_seen(self, direction: Any) -> None:
        rng = np.random.default_rng(0)
        scores = np.where(rng.random((12, 9, 7)) < 0.5, rng.random((12, 9, 7)), np.nan)
        picture = largest_along_view(volume_of(scores), side=90, direction=direction)
        assert max(picture.shape) == 90
        assert np.nanmax(picture) == np.float32(np.nanmax(scores))
        assert np.isin(picture[np.isfinite(picture)], scores.astype(np.float32)).all()

    def test_front__left_is_left_and_up_is_up(self) -> None:
        scores = np.full((20, 3, 20), 0.1)
        scores[0, 2, 19] = 0.9
        picture = largest_along_view(volume_of(scores), side=100, direction=FRONT)
        rows, columns = np.nonzero(picture > 0.5)
        assert rows.max() < 15
        assert columns.max() < 15
        assert not np.isnan(picture).any()

    def test_hidden__behind_others_is_seen(self) -> None:
        scores = np.full((9, 9, 9), 0.2)
        scores[4, 4, 4] = 1.0
        for direction in (FRONT, (1.0, 1.0, 1.0)):
            assert np.nanmax(largest_along_view(volume_of(scores), side=50, direction=direction)) == 1

    def test_solid__has_no_gaps(self) -> None:
        picture = largest_along_view(volume_of(np.full((30, 30, 30), 0.5)), side=200)
        for line in picture:
            known = np.flatnonzero(np.isfinite(line))
            assert len(known) == 0 or len(known) == np.ptp(known) + 1

    def test_beside__the_part_is_nothing(self) -> None:
        scores = np.full((30, 30, 30), np.nan)
        scores[:, 10:20, 0] = 0.3
        scores[0, 10:20, :] = 0.4
        picture = largest_along_view(volume_of(scores), side=60, direction=FRONT)
        assert np.isnan(picture[:40, 20:]).all()
        assert np.isfinite(picture[-2:]).all()

    def test_one_voxel(self) -> None:
        scores = np.full((3, 3, 3), np.nan)
        scores[1, 1, 1] = 0.5
        assert (largest_along_view(volume_of(scores), side=10) == 0.5).all()
