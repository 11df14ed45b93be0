"""Projections of volumes whose outcome is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modmap.drawing.colours import BACKGROUND
from modmap.drawing.hatching import STRIPES, hatched
from modmap.drawing.volume_projection import project, volume_picture
from modmap.not_inspected import NotInspected
from modmap.volume import AnomalyVolume, VoxelGrid

FRONT = (0.0, -1.0, 0.0)


def volume_of(scores: Any) -> AnomalyVolume:
    scores = np.asarray(scores, dtype=np.float32)
    return AnomalyVolume(VoxelGrid(np.array([10.0, -5.0, 3.0]), 2.0, scores.shape), scores)


class TestProject:
    @pytest.mark.parametrize("direction", [FRONT, (0.55, -0.75, 0.65), (-3.0, 0.1, -0.2)])
    def test_scores__are_the_volumes_and_the_largest_is_seen(self, direction: Any) -> None:
        rng = np.random.default_rng(0)
        scores = np.where(rng.random((12, 9, 7)) < 0.5, rng.random((12, 9, 7)), np.nan)
        picture = project(volume_of(scores), size=(90, 90), direction=direction).scores
        assert max(picture.shape) == 90
        assert np.nanmax(picture) == np.float32(np.nanmax(scores))
        assert np.isin(picture[np.isfinite(picture)], scores.astype(np.float32)).all()

    def test_front__left_is_left_and_up_is_up(self) -> None:
        scores = np.full((20, 3, 20), 0.1)
        scores[0, 2, 19] = 0.9
        picture = project(volume_of(scores), size=(100, 100), direction=FRONT).scores
        rows, columns = np.nonzero(picture > 0.5)
        assert rows.max() < 15
        assert columns.max() < 15
        assert not np.isnan(picture).any()

    def test_hidden__behind_others_is_seen(self) -> None:
        scores = np.full((9, 9, 9), 0.2)
        scores[4, 4, 4] = 1.0
        for direction in (FRONT, (1.0, 1.0, 1.0)):
            assert np.nanmax(project(volume_of(scores), size=(50, 50), direction=direction).scores) == 1

    def test_solid__has_no_gaps(self) -> None:
        picture = project(volume_of(np.full((30, 30, 30), 0.5)), size=(200, 200)).scores
        for line in picture:
            known = np.flatnonzero(np.isfinite(line))
            assert len(known) == 0 or len(known) == np.ptp(known) + 1

    def test_beside__the_part_is_nothing(self) -> None:
        scores = np.full((30, 30, 30), np.nan)
        scores[:, 10:20, 0] = 0.3
        scores[0, 10:20, :] = 0.4
        picture = project(volume_of(scores), size=(60, 60), direction=FRONT).scores
        assert np.isnan(picture[:40, 20:]).all()
        assert np.isfinite(picture[-2:]).all()

    def test_one_voxel(self) -> None:
        scores = np.full((3, 3, 3), np.nan)
        scores[1, 1, 1] = 0.5
        assert (project(volume_of(scores), size=(10, 10)).scores == 0.5).all()

    @pytest.mark.parametrize("size", [(90, 60), (30, 200), (7, 7)])
    def test_size__is_filled_in_one_direction_and_never_left(self, size: Any) -> None:
        picture = project(volume_of(np.full((20, 5, 9), 0.5)), size=size).scores
        height, width = picture.shape
        assert width <= size[0]
        assert height <= size[1]
        assert width == size[0] or height == size[1]

    def test_distance__of_the_nearest_voxel(self) -> None:
        scores = np.full((20, 9, 20), np.nan)
        scores[:10, 3, :] = scores[10:, 7, :] = scores[:, 8, :] = 0.5
        found = project(volume_of(scores), size=(100, 100), direction=FRONT).distance
        # The grid begins at y = -5 mm, and its voxels are 2 mm.
        assert (found[:, :40] == -5 + 3.5 * 2).all()
        assert (found[:, 60:] == -5 + 7.5 * 2).all()


class TestVolumePicture:
    def test_picture__hot_is_the_last_colour_and_cold_is_gray(self) -> None:
        scores = np.full((20, 20, 20), np.nan)
        scores[:, 0, :] = 0.0
        scores[:10, 0, 10:] = 0.8
        picture = volume_picture(volume_of(scores), size=(90, 90), top=0.8)
        hot = (picture == [240, 249, 33]).all(axis=2)
        blank = (picture == BACKGROUND).all(axis=2)
        cold = picture[~hot & ~blank]
        assert hot.any()
        assert blank.any()
        assert (np.ptp(cold.astype(int), axis=1) == 0).all()
        assert len(cold)


class TestOmitted:
    def test_project__what_was_not_inspected_is_hidden_by_what_stands_before_it(self) -> None:
        """A wall of voxels; what was not measured lies before it at its left, behind it at its right."""
        wall = volume_of(np.full((20, 2, 20), 0.2))  # x from 10 to 50, y from -5 to -1, z from 3 to 43
        left, right, beside = ([15.0, -9.0, 23.0], [45.0, 9.0, 23.0], [70.0, -3.0, 23.0])
        points = np.array([left, right, beside], np.float32)
        omitted = NotInspected(points, np.array([1, 1, 2], np.uint8), 2.0, places=10, motion=np.eye(4))
        seen = project(wall, size=(120, 80), direction=FRONT, omitted=omitted)
        columns = {number: np.nonzero((seen.omitted == number).any(axis=0))[0] for number in (1, 2)}
        assert 0 < columns[1].max() < 0.2 * seen.omitted.shape[1]
        assert columns[2].min() > 0.9 * seen.omitted.shape[1]
        picture = volume_picture(wall, size=(120, 80), top=1.0, direction=FRONT, omitted=omitted)
        colours = {tuple(colour) for colour in picture[seen.omitted == 1].tolist()}
        assert colours <= set(STRIPES["not measured"])

    def test_hatched__two_colours_a_reason_and_the_rest_as_it_was(self) -> None:
        reasons = np.zeros((40, 60), np.uint8)
        reasons[:, 20:40], reasons[:, 40:] = 1, 2
        picture = hatched(np.full((40, 60), 77, np.uint8), reasons)
        assert {tuple(one) for one in picture[:, :20].reshape(-1, 3).tolist()} == {(77, 77, 77)}
        assert {tuple(one) for one in picture[:, 20:40].reshape(-1, 3).tolist()} == set(
            STRIPES["not measured"]
        )
        assert {tuple(one) for one in picture[:, 40:].reshape(-1, 3).tolist()} == set(STRIPES["not compared"])
