"""The map: where the same dents are missed more often, the smallest that is found is larger."""

from __future__ import annotations

import numpy as np
import pytest

from modmap.pod.curves import curve_of
from modmap.pod.places import PartSurface
from modmap.pod.record import Outcome
from modmap.pod.smallest_found import smallest_found


def plate() -> PartSurface:
    x, y = np.meshgrid(np.arange(-50, 51, 2.0), np.arange(-20, 21, 2.0))
    points = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
    return PartSurface(points, np.tile([0, 0, 1.0], (len(points), 1)), np.full(len(points), 4.0))


def outcomes(*, hard: float, easy: float, count: int = 300) -> list[Outcome]:
    """Dents on the plate: half are found from `hard` mm on its left, from `easy` mm on its right."""
    rng = np.random.default_rng(0)
    made = []
    for index in range(count):
        x, y, size = (
            float(rng.uniform(-50, 50)),
            float(rng.uniform(-20, 20)),
            float(np.exp(rng.uniform(-0.7, 3))),
        )
        odds = 3 * np.log(size / (hard if x < 0 else easy))
        made.append(
            Outcome(
                index=index,
                kind="dent",
                size_mm=size,
                depth_mm=0.1 * size,
                scan="good",
                copy_of_scan=0,
                place_mm=(x, y, 0.0),
                normal=(0.0, 0.0, 1.0),
                hit=bool(rng.random() < 1 / (1 + np.exp(-odds))),
                peak=1.0,
            )
        )
    return made


class TestSmallestFound:
    @pytest.mark.parametrize(("hard", "easy"), [(6.0, 2.0), (3.0, 3.0)])
    def test_smallest_found__follows_the_truth(self, hard: float, easy: float) -> None:
        made, surface = outcomes(hard=hard, easy=easy), plate()
        curves = {"dent": curve_of([one.size_mm for one in made], [one.hit for one in made])}
        found = smallest_found(surface, made, curves)
        assert found is not None
        left, right = (
            float(np.median(found[side])) for side in (surface.points[:, 0] < -25, surface.points[:, 0] > 25)
        )
        a90 = np.exp(np.log(9) / 3)
        assert left == pytest.approx(hard * a90, rel=0.35)
        assert right == pytest.approx(easy * a90, rel=0.35)
        assert (left > 1.6 * right) == (hard > easy)

    def test_smallest_found__nothing_without_a_curve(self) -> None:
        made = [one.model_copy(update={"hit": False}) for one in outcomes(hard=3, easy=3, count=30)]
        curves = {"dent": curve_of([one.size_mm for one in made], [one.hit for one in made])}
        assert smallest_found(plate(), made, curves) is None
