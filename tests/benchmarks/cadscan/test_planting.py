"""Defects that no view shows are drawn again, the same way every time."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.cadscan import planting
from benchmarks.cadscan.defects import DefectError
from benchmarks.cadscan.ground_truth import grid_around
from benchmarks.cadscan.part import Part
from benchmarks.cadscan.planting import Planter, Wanted
from tests.benchmarks.cadscan.simple_cell import cell_around, placed


def planter(part: Part, *, least: float, seed: int = 1) -> Planter:
    cell = cell_around(part, size=(160, 120))
    bare, views = placed(cell, part)
    wanted = Wanted(3.0, 12.0, least)
    return Planter(cell, bare, views, grid_around(part), wanted, np.random.SeedSequence([7, seed]))


class TestPlanter:
    def test_plant__only_what_a_view_shows(self, plate: Part) -> None:
        least, redrawn = 60.0, 0
        for seed in (5, 13):
            free = planter(plate, least=0, seed=seed).plant()
            assert free.draws == 1
            shown = planter(plate, least=least, seed=seed).plant()
            assert all(one.best >= least and len(one.shown) for one in shown.assessments)
            if all(one.best >= least and len(one.shown) for one in free.assessments):
                assert shown.draws == 1
                assert shown.made.part.vertices.tobytes() == free.made.part.vertices.tobytes()
            redrawn += shown.draws > 1
            assert len(shown.made.defects) == len(free.made.defects)
        assert redrawn > 0

    def test_plant__the_same_every_time(self, plate: Part) -> None:
        one, other = (planter(plate, least=60.0, seed=13).plant() for _ in range(2))
        assert one.draws == other.draws
        assert one.made.part.vertices.tobytes() == other.made.part.vertices.tobytes()
        assert [a.sights for a in one.assessments] == [a.sights for a in other.assessments]

    def test_again__another_defect_and_those_before_it_kept(self, plate: Part) -> None:
        own = next(
            (planter(plate, least=0, seed=seed), made)
            for seed in range(9)
            if len((made := planter(plate, least=0, seed=seed).plant()).made.defects) == 2
        )
        first, second = own[1].made.defects
        again = own[0].again(own[1], 1)
        assert again.draws == 2
        assert again.made.defects[0] is first
        assert not np.array_equal(again.made.defects[1].changed_points, second.changed_points)

    def test_plant__nothing_is_detectable_enough(self, plate: Part, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(planting, "MOST_DRAWS", 2)
        hopeless = replace(planter(plate, least=0), wanted=Wanted(3.0, 4.0, 1e9))
        with pytest.raises(
            DefectError, match=r"no defect of 3 to 4 mm on random .* of 1e\+09 or more.* in 2 draws"
        ):
            hopeless.plant()
