"""Defects that no view shows are drawn again, the same way every time."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.cadscan import planting
from benchmarks.cadscan.defects import DefectError
from benchmarks.cadscan.defects.twin import twin
from benchmarks.cadscan.detectability import LEAST_DETECTABILITY, expectation
from benchmarks.cadscan.ground_truth import grid_around
from benchmarks.cadscan.part import Part, ReflectancePatch
from benchmarks.cadscan.planting import MOST_DRAWS, Planter, Wanted
from benchmarks.cadscan.window import Window
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

    def test_plant__the_usual_demand_is_met_by_whole_views(self, plate: Part) -> None:
        """Where the first draw, a defect of under 4 mm, is not detectable; as a sum over all pixels of one view."""
        own = replace(planter(plate, least=LEAST_DETECTABILITY, seed=22), wanted=Wanted(3, 4, 5.0))
        first = replace(own, wanted=replace(own.wanted, least_detectability=0)).plant()
        assert first.draws == 1
        assert min(one.best for one in first.assessments) < LEAST_DETECTABILITY
        planted = own.plant()
        assert planted.draws > 1
        for index, assessment in enumerate(planted.assessments):
            without = twin(planted.made, index)
            other = planted.instance.exchanged(own.cell, without.part, marks=without.patches)
            strengths = []
            for shot in own.shots:
                here, there = (
                    expectation(own.cell, one, shot, Window(0, 0, 160, 120))
                    for one in (planted.instance, other)
                )
                both = here.measured & there.measured
                step = (here.depth[both] - there.depth[both]) ** 2
                noise = (here.depth_deviation[both] ** 2 + there.depth_deviation[both] ** 2) / 2
                strengths.append((step / noise).sum() ** 0.5)
            assert assessment.best >= LEAST_DETECTABILITY
            assert assessment.best >= max(strengths) - 0.1
            assert len(assessment.shown)

    def test_plant__harmless_marks_stay(self, plate: Part) -> None:
        own = planter(plate, least=0, seed=22)
        mark = ReflectancePatch("dust", np.array([[10.0, 0, 12]]), 0.3, 0.1, 0.4, 0.3, seed=0)
        marked = replace(own, bare=own.bare.exchanged(own.cell, plate, marks=(mark,)))
        planted = marked.plant()
        assert len(planted.made.patches) == 1 + len(own.drawn().patches) == 2
        assert planted.made.patches[0].seed == mark.seed
        assert planted.instance.marks == planted.made.patches
        np.testing.assert_array_equal(planted.instance.T_part_to_world, own.bare.T_part_to_world)

    def test_again__no_more_draws(self, plate: Part) -> None:
        own = planter(plate, least=0, seed=22)
        planted = own.plant()
        (kind, size), *_ = [(one.kind, one.size) for one in planted.made.defects]
        with pytest.raises(
            DefectError, match=rf"no defect of 3 to 12 mm .* in 40 draws; the last: a {kind} of {size:.1f} mm"
        ):
            own.again(replace(planted, draws=MOST_DRAWS), 0)
