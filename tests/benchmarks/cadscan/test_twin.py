"""The twin of a part lacks one defect, and has the others where they were."""

import numpy as np
import pytest

from benchmarks.cadscan.defects import make_defect
from benchmarks.cadscan.defects.places import Surface
from benchmarks.cadscan.defects.twin import carried_along, twin
from benchmarks.cadscan.part import Defect, DefectivePart, Part, ReflectancePatch
from benchmarks.cadscan.parts import build


@pytest.fixture(scope="module")
def bracket() -> Part:
    return build("machined_bracket", seed=5)


def joined(one: DefectivePart, other: DefectivePart) -> DefectivePart:
    return DefectivePart(other.part, (*one.patches, *other.patches), (*one.defects, *other.defects))


def two_defects(part: Part, first: str, second: str) -> DefectivePart:
    one = make_defect(part, first, size=8.0, seed=3)
    taken = ((one.defects[0].centre, one.defects[0].size / 2),)
    return joined(one, make_defect(one.part, second, size=5.0, seed=8, avoid=taken))


def on_a_warp(part: Part, kind: str) -> DefectivePart:
    """A part with a warp, and another defect well on it."""
    one = make_defect(part, "warp", size=20.0, seed=3)
    (warp,) = one.defects
    others = (make_defect(one.part, kind, size=5.0, seed=seed) for seed in range(99))
    return joined(
        one,
        next(o for o in others if np.linalg.norm(o.defects[0].centre - warp.centre) < 0.3 * warp.size),
    )


def around(defect: Defect) -> tuple[np.ndarray, np.ndarray]:
    low, high = defect.changed_points.min(axis=0) - 1, defect.changed_points.max(axis=0) + 1
    if defect.kind == "warp":
        low, high = defect.centre - defect.size / 2, defect.centre + defect.size / 2
    return low, high


def check_twin_of_first(part: Part, made: DefectivePart) -> None:
    without, bare = twin(made, 0), Surface(part)
    assert [defect.kind for defect in without.defects] == [made.defects[1].kind]
    surface = Surface(without.part)
    differing = made.part.vertices[surface.distance(made.part.vertices) > 0.01]
    low, high = around(made.defects[0])
    assert ((differing > low) & (differing < high)).all()
    # Of the first there is nothing, beside the second.
    vertices = without.part.vertices
    of_first = ((vertices > low) & (vertices < high)).all(axis=1)
    second_low, second_high = around(made.defects[1])
    of_second = ((vertices > second_low) & (vertices < second_high)).all(axis=1)
    assert bare.distance(vertices[of_first & ~of_second]).max(initial=0) < 0.01


class TestTwin:
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("missing_feature", "scratch"),
            ("bent_feature", "extra_hole"),
            ("extra_hole", "dent"),
            ("chip", "stain"),
        ],
    )
    def test_twin__lacks_the_first_alone(self, bracket: Part, first: str, second: str) -> None:
        made = two_defects(bracket, first, second)
        check_twin_of_first(bracket, made)
        # What the second changed is there, but for the surface that a hole took away.
        own = made.defects[1].changed_points
        assert (Surface(twin(made, 0).part).distance(own) < 0.005).mean() > 0.6
        assert second == "stain" or np.median(Surface(bracket).distance(own)) > 0.02

    @pytest.mark.parametrize("second", ["extra_hole", "scratch"])
    def test_twin__a_warp_undone_has_the_others_on_the_flat_surface(self, plate: Part, second: str) -> None:
        made = on_a_warp(plate, second)
        check_twin_of_first(plate, made)
        flat, warped = (Surface(part) for part in (twin(made, 0).part, made.part))
        carried = made.defects[0].carried
        assert carried is not None
        vertices = flat.part.vertices
        assert warped.distance(carried(vertices)).max() < 1e-3
        low, high = around(made.defects[1])
        changed = Surface(plate).distance(vertices) > 0.02
        assert changed.sum() > 20
        assert ((vertices[changed] > low - 1) & (vertices[changed] < high + 1)).all()

    def test_twin__a_warp_undone_takes_marks_back(self, plate: Part) -> None:
        made = on_a_warp(plate, "stain")
        (path,), (back,) = ([patch.path for patch in one.patches] for one in (made, twin(made, 0)))
        assert Surface(made.part).distance(path).max() < 0.02
        assert Surface(plate).distance(back).max() < 0.02
        assert np.abs(back - path).max() > 0.05

    def test_twin__of_the_last_is_the_part_before_it(self, plate: Part) -> None:
        made = two_defects(plate, "dent", "scratch")
        without = twin(made, 1)
        assert without.part is made.defects[1].before
        assert without.patches == ()
        assert without.defects == made.defects[:1]

    def test_twin__of_one_in_the_middle(self, plate: Part) -> None:
        """Three defects, and a harmless mark: the others and the mark are where they were, each as it was."""
        first, second, third = (
            make_defect(plate, kind, size=8.0, seed=seed)
            for kind, seed in (("stain", 0), ("stain", 1), ("dent", 2))
        )
        mark = ReflectancePatch("dust", np.array([[10.0, 0, 12]]), 0.3, 0.1, 0.4, 0.3, seed=0)
        marked = DefectivePart(plate, (mark,), ())
        made = joined(joined(joined(marked, first), second), third)
        without = twin(made, 1)
        assert [one.kind for one in without.defects] == ["stain", "dent"]
        assert without.defects == (made.defects[0], made.defects[2])
        assert without.patches == (mark, made.defects[0].patch)
        np.testing.assert_allclose(without.part.vertices, third.part.vertices)

    @pytest.mark.parametrize("kind", ["dent", "bump", "extra_hole", "stain", "warp"])
    def test_twin__of_the_only_one_is_the_bare_part(self, plate: Part, kind: str) -> None:
        without = twin(make_defect(plate, kind, size=8.0, seed=3), 0)
        assert without.part is plate
        assert (without.patches, without.defects) == ((), ())


class TestCarriedAlong:
    def test_carried_along__a_warps_twin_has_the_marks_where_they_were(self, plate: Part) -> None:
        made = make_defect(plate, "warp", size=20.0, seed=3)
        rng = np.random.default_rng(0)
        centre, reach = made.defects[0].centre, made.defects[0].size / 2
        marks = tuple(
            ReflectancePatch(
                "dust", centre + rng.uniform(-reach, reach, (4, 3)) / 2, 0.2, 0.1, 0.4, 0.3, seed=n
            )
            for n in range(5)
        )
        moved = carried_along(marks, made)
        back = twin(DefectivePart(made.part, moved, made.defects), 0).patches
        assert max(np.abs(one.path - mark.path).max() for one, mark in zip(moved, marks, strict=True)) > 0.1
        for one, mark in zip(back, marks, strict=True):
            np.testing.assert_allclose(one.path, mark.path, atol=1e-6)

    def test_carried_along__marks_stay_on_a_warped_surface(self, plate: Part) -> None:
        made = make_defect(plate, "warp", size=8.0, seed=3)
        place = Surface(plate).nearest(made.defects[0].centre[None])[0]
        mark = ReflectancePatch("dust", place, 0.2, 0.1, 0.4, 0.3, seed=0)
        (moved,) = carried_along((mark,), made)
        assert Surface(made.part).distance(moved.path) < 0.02
        assert np.linalg.norm(moved.path - place) == pytest.approx(made.defects[0].depth, rel=0.05)
        dent = make_defect(plate, "dent", size=8.0, seed=3)
        assert carried_along((mark,), dent) == (mark,)
