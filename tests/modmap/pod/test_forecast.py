"""What a study can't tell, before it is run; and that what is said would help does."""

from __future__ import annotations

import re

import pytest

from modmap.pod.curves import FEWEST, curve_of
from modmap.pod.forecast import count_needed, shortfalls
from modmap.pod.shapes import Kind
from modmap.pod.trials import wanted_defects

KINDS: tuple[Kind, ...] = ("dent", "chip", "stain")


class TestCountNeeded:
    @pytest.mark.parametrize("few", [0, 1])
    def test_count_needed__is_the_fewest_of_which_each_kind_has_a_curve(self, few: int) -> None:
        wanted = wanted_defects(KINDS, (1.0, 10.0), count_needed(KINDS) - few, seed=0)
        sizes = {kind: [one.size for one in wanted if one.kind == kind] for kind in KINDS}
        curves = [curve_of(some, [size > 3 for size in some]) for some in sizes.values()]
        assert any("too few" in (curve.refused or "") for curve in curves) == bool(few)


class TestShortfalls:
    def test_shortfalls__none(self) -> None:
        placed = {kind: [1.0 + place for place in range(FEWEST)] for kind in KINDS}
        assert shortfalls(dict.fromkeys(KINDS, FEWEST), placed, footprint=0.5) == {}

    def test_shortfalls__the_count_that_is_named_gives_enough_places(self) -> None:
        found = shortfalls({"dent": 30, "chip": 30}, {"dent": [5.0] * 30, "chip": [4.0] * 7}, footprint=0.5)
        assert list(found) == ["chip"]
        assert "of 30 only 7, up to 4 mm" in found["chip"]
        count = int(re.findall(r"--count (\d+)", found["chip"])[0])
        assert count / 2 * 7 / 30 >= FEWEST > (count / 2 - 2) * 7 / 30

    @pytest.mark.parametrize(
        ("asked", "sizes", "why"),
        [
            (12, [5.0] * 12, "12 are asked: give --count 20 or more"),
            (30, [], "nowhere large enough for any of 30: try smaller --sizes"),
            (30, [0.2, 0.3] * 15, "the largest is 0.3 mm, and a pixel of these scans shows 0.5 mm"),
        ],
    )
    def test_shortfalls__says_why(self, asked: int, sizes: list[float], why: str) -> None:
        assert why in shortfalls({"dent": asked}, {"dent": sizes}, footprint=0.5)["dent"]

    def test_shortfalls__a_part_without_edges(self) -> None:
        assert "has no edge" in shortfalls({"chip": 30}, {}, footprint=0.5)["chip"]
