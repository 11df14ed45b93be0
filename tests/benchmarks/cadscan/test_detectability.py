"""d' in closed form, against an observer that is shown noise, and of pieces of views against whole ones."""

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.cadscan.defects import make_defect
from benchmarks.cadscan.detectability import (
    HOLE,
    TEXTURE_WIDTH,
    Expectation,
    Sight,
    expectation,
    sight,
    texture_variance,
    together,
)
from benchmarks.cadscan.part import Part
from benchmarks.cadscan.photograph import develop, expected_gray
from benchmarks.cadscan.window import Window
from tests.benchmarks.cadscan.simple_cell import SIZE, cell_around, placed

SHAPE = (40, 50)


def flat(**changes: np.ndarray) -> Expectation:
    """A plane 300 mm away with a noise of 0.04 mm, a gray of 90 with a noise of 2 levels."""
    ones = np.ones(SHAPE)
    view = Expectation(300 * ones, ones > 0, 0.04 * ones, ones > 0, 90 * ones, 2 * ones)
    return replace(view, **changes)


def with_step(value: float, step: float, pixels: int) -> np.ndarray:
    array = np.full(SHAPE, float(value))
    array.reshape(-1)[:pixels] += step
    return array


class TestSight:
    def test_sight__of_nothing(self) -> None:
        assert sight(flat(), flat()) == Sight(0.0, 0.0, 0)

    @pytest.mark.parametrize("pixels", [1, 30, 400])
    def test_sight__a_step_of_n_pixels(self, pixels: int) -> None:
        found = sight(flat(depth=with_step(300, 0.1, pixels)), flat())
        assert found.depth == pytest.approx(0.1 / 0.04 * math.sqrt(pixels))
        assert (found.image, found.pixels) == (0, pixels)
        found = sight(flat(gray=with_step(90, -3, pixels)), flat())
        assert found.image == pytest.approx(3 / 2 * math.sqrt(pixels))
        assert (found.depth, found.pixels) == (0, pixels)
        both = sight(flat(depth=with_step(300, 0.1, pixels), gray=with_step(90, 3, pixels)), flat())
        assert both.both == pytest.approx(math.hypot(2.5, 1.5) * math.sqrt(pixels))

    def test_sight__mean_of_the_variances(self) -> None:
        steeper = flat(depth=with_step(300, 0.1, 100), depth_deviation=np.full(SHAPE, 0.08))
        assert sight(steeper, flat()).depth == pytest.approx(10 * 0.1 / math.sqrt((0.04**2 + 0.08**2) / 2))

    @pytest.mark.parametrize("appears", [True, False])
    def test_sight__holes_count_one_deviation_whatever_is_behind(self, appears: bool) -> None:
        measured = with_step(1.0, -1.0, 49) > 0
        holed = flat(measured=measured, depth=with_step(300, 50, 49))
        found = sight(holed, flat()) if appears else sight(flat(), holed)
        assert found == Sight(7 * HOLE, 0.0, 49)

    def test_sight__a_hole_in_both_tells_nothing(self) -> None:
        holed = flat(measured=np.zeros(SHAPE, bool))
        assert sight(replace(holed, depth=with_step(300, 5, 100)), holed).depth == 0

    def test_sight__no_surface_behind(self) -> None:
        nothing = flat(
            depth=np.full(SHAPE, np.inf), measured=np.zeros(SHAPE, bool), part=np.zeros(SHAPE, bool)
        )
        assert sight(nothing, nothing) == Sight(0.0, 0.0, 0)
        assert sight(nothing, flat()).depth == pytest.approx(HOLE * math.sqrt(2000))

    def test_sight__where_no_part_is_the_image_does_not_count(self) -> None:
        beside = np.zeros(SHAPE, bool)
        assert sight(flat(gray=with_step(90, 30, 500), part=beside), flat(part=beside)).image == 0

    def test_sight__texture_hides_a_stain(self) -> None:
        texture = np.random.default_rng(0).normal(90, 10, SHAPE)
        plain = sight(flat(gray=with_step(90, 8, 300)), flat())
        hidden = sight(flat(gray=texture + with_step(0, 8, 300)), flat(gray=texture))
        # Each pixel's own texture counts little in its surroundings' variance, so that it comes out near 10^2.
        assert hidden.image == pytest.approx(plain.image * 2 / math.hypot(2, 10), rel=0.1)

    def test_sight__is_what_an_observer_reaches(self) -> None:
        """The observer weighs noisy images by change over variance; its d' is what the formula says."""
        rng = np.random.default_rng(0)
        signals = [with_step(0.3, step, 60).astype(np.float32) for step in (0.006, 0.0)]
        (gray, deviation), (without, other) = (expected_gray(signal, scale=1.0) for signal in signals)
        bound = sight(
            flat(gray=gray, gray_deviation=deviation), flat(gray=without, gray_deviation=other)
        ).image
        weight = (gray - without) / other**2
        scores = [
            [(weight * develop(signal, scale=1.0, rng=rng)).sum() for _ in range(4000)] for signal in signals
        ]
        reached = (np.mean(scores[0]) - np.mean(scores[1])) / math.sqrt(
            (np.var(scores[0]) + np.var(scores[1])) / 2
        )
        # The step itself is a little texture at its border.
        assert bound == pytest.approx(reached, rel=0.06)
        assert 3 < bound < 12


class TestTogether:
    def test_together__squares_add(self) -> None:
        assert together([Sight(3, 5, 10), Sight(4, 12, 7)]) == Sight(5, 13, 17)


class TestTextureVariance:
    def test_texture_variance__of_white_noise_and_of_none(self) -> None:
        assert texture_variance(np.full(SHAPE, 77.0)).max() < 1e-6
        noise = np.random.default_rng(0).normal(100, 6, (200, 200))
        # A mean with Gaussian weights has 1 / (4 pi sigma^2) of the variance.
        expected = 36 * (1 - 1 / (4 * math.pi * TEXTURE_WIDTH**2))
        assert texture_variance(noise).mean() == pytest.approx(expected, rel=0.03)


class TestExpectation:
    def test_expectation__a_piece_is_as_in_the_whole(self, plate: Part) -> None:
        cell = cell_around(plate)
        made = make_defect(plate, "dent", size=16.0, seed=2)
        instance, views = placed(cell, made.part)
        window = Window(100, 60, 96, 80)
        for shot in views:
            whole = expectation(cell, instance, shot, Window(0, 0, *SIZE))
            piece = expectation(cell, instance, shot, window)
            inner = np.s_[4:-4, 4:-4]
            for name in ("depth", "measured", "depth_deviation", "part"):
                cut = window.of_image(getattr(whole, name))[inner]
                np.testing.assert_allclose(getattr(piece, name)[inner], cut, rtol=1e-5)
            difference = np.abs(piece.gray - window.of_image(whole.gray))[inner]
            # The veil of what is beside the piece, and the hall's light at its border, are not known there.
            assert np.percentile(difference, 95) < 1.0
            assert window.of_image(whole.gray).std() > 10
