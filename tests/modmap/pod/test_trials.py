"""Trials: many defects in one copy are judged as each alone, and what must make finding harder does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modmap.detector.model import ModMap
from modmap.pod.carrying import Placed
from modmap.pod.good_scan import GoodScan
from modmap.pod.relief import Relief
from modmap.pod.shapes import Shape
from modmap.pod.trials import Judged, Planted, Wanted, copies_of, judged, reported, tried, wanted_defects
from tests.modmap.pod.conftest import fitted
from tests.modmap.pod.plates import TOP

APART = 10.0  # pixels: of these views' 160, what a defect's evidence spreads over
NORMAL_90 = 1.2816


# Middles of dents on the block's top, x and y, mm, and their sizes: each copy has three.
PLACES = (
    ((-5.0, -28.0, 20.0), (25.0, -25.0, 9.0), (10.0, 25.0, 14.0)),
    ((-5.0, -28.0, 12.0), (25.0, -25.0, 6.0), (10.0, 25.0, 24.0)),
)
DEEP = 0.07  # of a dent's size


def dents(good: GoodScan) -> list[list[Planted]]:
    """The same dents on any scan of the block."""
    copies = []
    for copy in PLACES:
        planted = []
        for x, y, size in copy:
            shape = Shape("dent", size, DEEP * size)
            relief = Relief.around(
                np.array([x, y, TOP]), np.array([0, 0, 1.0]), good.part, reach=1.5 * shape.radius + 4
            )
            assert relief is not None
            planted.append(Planted(Wanted(len(planted), "dent", size), Placed(shape, relief)))
        copies.append(planted)
    return copies


def peaks(model: ModMap, good: GoodScan) -> dict[float, Judged]:
    """By size what became of the dents."""
    return {
        one.wanted.size: judgement
        for copy in dents(good)
        for one, judgement in zip(copy, tried(model.predict, good, copy, name="copy"), strict=True)
    }


def a90_of(found: dict[float, Judged], *, threshold: float = 1.0) -> float:
    """By a line through the logarithms of peak and size, MIL-HDBK-1823A's way where a signal is known."""
    size = np.log(list(found))
    peak = np.log([judgement.peak for judgement in found.values()])
    slope, intercept = np.polyfit(size, peak, 1)
    spread = float(np.std(peak - slope * size - intercept))
    return float(np.exp((np.log(threshold) + NORMAL_90 * spread - intercept) / slope))


@pytest.fixture(scope="module")
def usual() -> dict[float, Judged]:
    return peaks(*fitted())


class TestCopiesOf:
    def test_copies_of__defects_lie_apart_and_cover_little(self, good: GoodScan) -> None:
        wanted = wanted_defects(("dent", "stain", "chip"), (2, 12), 40, seed=0)
        copies, without = copies_of(good, wanted, seed=0, apart=APART, per_copy=12)
        assert sorted(one.wanted.index for copy in copies for one in copy) + [
            one.index for one in without
        ] == list(range(40))
        for copy in copies:
            assert len(copy) <= 12
            covered = sum(np.pi * one.placed.reach**2 for one in copy)
            assert len(copy) == 1 or covered < 0.04 * good.surface.area
            for number, one in enumerate(copy):
                for other in copy[:number]:
                    gap = np.linalg.norm(one.placed.relief.centre - other.placed.relief.centre)
                    assert gap >= one.placed.reach + other.placed.reach * 0.6 + APART * good.footprint * 0.8

    def test_copies_of__the_same_seed_gives_the_same(self, good: GoodScan) -> None:
        wanted = wanted_defects(("dent", "hole"), (2, 12), 10, seed=5)
        drawn = [
            [
                (one.wanted, one.placed.shape, *one.placed.relief.centre)
                for copy in copies_of(good, wanted, seed=seed, apart=APART)[0]
                for one in copy
            ]
            for seed in (5, 5, 6)
        ]
        assert drawn[0] == drawn[1]
        assert drawn[0] != drawn[2]

    def test_copies_of__what_is_larger_than_the_part_finds_no_place(self, good: GoodScan) -> None:
        wanted = wanted_defects(("dent",), (140, 150), 1, seed=0)
        copies, without = copies_of(good, wanted, seed=0)
        assert (copies, len(without)) == ([], 1)


class TestWantedDefects:
    def test_wanted_defects__even_over_the_logarithm(self) -> None:
        wanted = wanted_defects(("dent", "bump"), (0.5, 32), 120, seed=0)
        for kind in ("dent", "bump"):
            logs = np.sort(np.log2([one.size for one in wanted if one.kind == kind]))
            assert np.abs(logs - np.linspace(-1, 5, 60)).max() < 0.21


class TestTried:
    def test_tried__together_as_each_alone(self, usual: dict[float, Judged]) -> None:
        model, good = fitted()
        assert 1 < sum(one.hit for one in usual.values()) < len(usual) - 1
        for copy in dents(good):
            for one in copy:
                (alone,) = tried(model.predict, good, [one], name="alone")
                together = usual[one.wanted.size]
                # These cover more of the block than a copy's would: its own level rises, and all peaks fall a little.
                assert alone.peak == pytest.approx(together.peak, rel=0.1, abs=0.03)
                assert alone.hit == together.hit or 0.9 < alone.peak < 1.1

    def test_tried__a_defect_of_size_0_is_found_as_often_as_is_called_false(self) -> None:
        """On a scan that passes never; by thresholds under which it fails, exactly where something is reported."""
        model, good = fitted()
        wanted = [replace(one, size=0.0) for one in wanted_defects(("dent",), (1, 2), 30, seed=0)]
        copy = copies_of(good, wanted, seed=0, apart=0.0, per_copy=30)[0][0]
        result = model.predict(good.scan)
        assert not any(one.hit for one in tried(model.predict, good, copy, name="nothing"))
        assert result.calibration is not None
        low = float(np.nanquantile(result.require_volume().scores, 0.97))
        touchy = result.calibration.model_copy(update={"scan_threshold": low, "voxel_threshold": low})
        result = replace(result, calibration=touchy)
        regions, _ = reported(result)
        reach = 2 * result.require_volume().grid.voxel
        expected = [
            any(
                (np.linalg.norm(region - one.placed.relief.centre, axis=1) <= reach).any()
                for region in regions
            )
            for one in copy
        ]
        assert [one.hit for one in judged(result, copy)] == expected
        assert 0 < sum(expected) < len(expected)


class TestWhatMakesItHarder:
    """Each moves the size that is found 9 times in 10 the way it must."""

    def test_more_noise(self, usual: dict[float, Judged]) -> None:
        assert a90_of(peaks(*fitted(noise=0.2))) > 1.3 * a90_of(usual)

    def test_fewer_views(self) -> None:
        """Of the block's four sides each is seen by one view of four: by two views, two."""
        model, good = fitted()
        sides = []
        for place, normal in (
            ((60, -20, 10), (1, 0, 0)),
            ((-60, 25, 10), (-1, 0, 0)),
            ((20, 45, 10), (0, 1, 0)),
            ((0, -45, 10), (0, -1, 0)),
        ):
            shape = Shape("dent", 14.0, 2.5)
            relief = Relief.around(
                np.array(place, float), np.array(normal, float), good.part, reach=1.5 * shape.radius + 4
            )
            assert relief is not None
            sides.append(Planted(Wanted(len(sides), "dent", 14.0), Placed(shape, relief)))
        all_views = tried(model.predict, good, sides, name="all")
        two = tried(model.predict, replace(good, scan=good.scan.subset(["00", "01"])), sides, name="two")
        assert sum(one.hit for one in two) < sum(one.hit for one in all_views)
        assert all(few.peak < 1.05 * many.peak for few, many in zip(two, all_views, strict=True))

    def test_coarser_images(self, usual: dict[float, Judged]) -> None:
        assert a90_of(peaks(*fitted(width=100))) > 1.1 * a90_of(usual)

    def test_a_stricter_rate(self, usual: dict[float, Judged]) -> None:
        assert a90_of(usual, threshold=1.5) > 1.05 * a90_of(usual)
        assert sum(one.peak > 1.5 for one in usual.values()) < sum(one.hit for one in usual.values())
