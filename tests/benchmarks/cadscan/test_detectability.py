"""d' in closed form, against an observer that is shown noise, and of pieces of views against whole ones."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.stats import norm, rankdata

from benchmarks.cadscan.defects import make_defect
from benchmarks.cadscan.depth_errors import DRIFT, INTERREFLECTION, measurable, measure
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
from benchmarks.cadscan.scanner import look
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


def view(rng: np.random.Generator, shape: tuple[int, int]) -> Expectation:
    """A rough surface with holes, background, and a noise that differs from pixel to pixel."""
    depth = np.where(rng.random(shape) < 0.1, np.inf, rng.normal(300, 0.3, shape))
    return Expectation(
        depth=depth,
        measured=np.isfinite(depth) & (rng.random(shape) < 0.8),
        depth_deviation=rng.uniform(0.03, 0.2, shape),
        part=np.isfinite(depth) & (rng.random(shape) < 0.9),
        gray=rng.uniform(5, 250, shape),
        gray_deviation=rng.uniform(0.5, 4, shape),
    )


def pair(seed: int, shape: tuple[int, int] = (12, 17)) -> tuple[Expectation, Expectation]:
    rng = np.random.default_rng(seed)
    return view(rng, shape), view(rng, shape)


def slow_sight(one: Expectation, twin: Expectation) -> tuple[float, float, int]:
    """The formula of `sight`, pixel by pixel; the texture's variance by scipy."""
    mean, square = (gaussian_filter(twin.gray**power, TEXTURE_WIDTH, mode="mirror") for power in (1, 2))
    in_depth = in_image = 0.0
    pixels = 0
    for at in np.ndindex(one.depth.shape):
        depth = gray = 0.0
        if one.measured[at] and twin.measured[at]:
            variance = (one.depth_deviation[at] ** 2 + twin.depth_deviation[at] ** 2) / 2
            depth = (one.depth[at] - twin.depth[at]) ** 2 / variance
        elif one.measured[at] or twin.measured[at]:
            depth = HOLE**2
        if one.part[at] or twin.part[at]:
            variance = (one.gray_deviation[at] ** 2 + twin.gray_deviation[at] ** 2) / 2
            variance += max(square[at] - mean[at] ** 2, 0)
            gray = (one.gray[at] - twin.gray[at]) ** 2 / variance
        in_depth, in_image = in_depth + depth, in_image + gray
        pixels += depth > 0.25 or gray > 0.25
    return math.sqrt(in_depth), math.sqrt(in_image), pixels


SEEDS = st.integers(0, 1 << 31)


class TestSight:
    @settings(max_examples=30, deadline=None)
    @given(seed=SEEDS, height=st.integers(2, 20), width=st.integers(2, 20))
    def test_sight__against_a_loop_over_the_pixels(self, seed: int, height: int, width: int) -> None:
        defective, twin = pair(seed, (height, width))
        found = sight(defective, twin)
        depth, image, pixels = slow_sight(defective, twin)
        assert found.depth == pytest.approx(depth, rel=1e-9)
        assert found.image == pytest.approx(image, rel=1e-6)
        assert found.pixels == pixels
        assert sight(twin, twin) == Sight(0.0, 0.0, 0)

    @settings(max_examples=30, deadline=None)
    @given(seed=SEEDS)
    def test_sight__which_of_two_has_the_defect_does_not_matter_but_for_texture(self, seed: int) -> None:
        """In the image it does not where both have the same texture, a defect being a shift of all of it."""
        one, other = pair(seed)
        assert sight(one, other).depth == pytest.approx(sight(other, one).depth)
        shifted = replace(one, gray=other.gray + 7, part=other.part)
        there, back = sight(shifted, other), sight(other, shifted)
        assert there.image == pytest.approx(back.image, rel=1e-6)
        assert there.pixels == back.pixels

    @settings(max_examples=30, deadline=None)
    @given(seed=SEEDS, factor=st.sampled_from([0.0, 0.01, 2.0, 2.0, 30.0]) | st.floats(0, 100))
    def test_sight__twice_the_change_is_twice_as_detectable(self, seed: int, factor: float) -> None:
        """With the same pixels measured, and any factor."""
        other, twin = pair(seed)
        step = np.random.default_rng(seed).normal(0, 0.1, twin.depth.shape)

        def changed(by: float) -> Expectation:
            return replace(
                other,
                depth=twin.depth + by * step,
                measured=twin.measured,
                gray=twin.gray + by * (other.gray - twin.gray),
            )

        once, often = sight(changed(1.0), twin), sight(changed(factor), twin)
        assert min(once.depth, once.image) > 1
        assert often.depth == pytest.approx(factor * once.depth, rel=1e-6, abs=1e-6)
        assert often.image == pytest.approx(factor * once.image, rel=1e-6, abs=1e-6)

    @pytest.mark.parametrize("strength", [0.5, 1.5, 2.5])
    def test_sight__share_that_an_ideal_observer_tells_apart(self, strength: float) -> None:
        """The likelihood ratio of noisy views orders a defective and a good one rightly with a probability of
        Phi(d' / sqrt 2), in depth, in the image and with both at hand."""
        rng = np.random.default_rng(int(10 * strength))
        shape, draws = (9, 8), 4000
        twin = replace(view(rng, shape), gray=np.full(shape, 90.0), part=np.ones(shape, bool))
        twin = replace(twin, measured=np.isfinite(twin.depth))
        change = [
            rng.normal(size=shape) * deviation for deviation in (twin.depth_deviation, twin.gray_deviation)
        ]
        defective = replace(twin, depth=twin.depth + change[0], gray=twin.gray + change[1])
        whole = sight(defective, twin).both
        defective = replace(
            twin,
            depth=twin.depth + change[0] * strength / whole,
            gray=twin.gray + change[1] * strength / whole,
        )
        found, ratios = sight(defective, twin), []
        measured = twin.measured
        for truth in (defective, twin):
            depth = rng.normal(truth.depth[measured], twin.depth_deviation[measured], (draws, measured.sum()))
            gray = rng.normal(truth.gray, twin.gray_deviation, (draws, *shape)).reshape(draws, -1)
            of_depth, of_gray = (
                sum(
                    sign * norm.logpdf(drawn, getattr(one, name)[mask], deviation[mask]).sum(axis=1)
                    for sign, one in ((1, defective), (-1, twin))
                )
                for drawn, name, mask, deviation in (
                    (depth, "depth", measured, twin.depth_deviation),
                    (gray, "gray", twin.part, twin.gray_deviation),
                )
            )
            ratios.append((of_depth, of_gray, of_depth + of_gray))
        assert found.both == pytest.approx(strength)
        for defects, good, bound in zip(*ratios, (found.depth, found.image, found.both), strict=True):
            ranks = rankdata(np.concatenate([defects, good]))[:draws]
            share = (ranks.sum() - draws * (draws + 1) / 2) / draws**2
            assert share == pytest.approx(norm.cdf(bound / math.sqrt(2)), abs=0.02)

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

    @settings(max_examples=20, deadline=None)
    @given(seed=SEEDS)
    def test_together__views_are_as_one_image_of_them_all(self, seed: int) -> None:
        """Side by side, with a texture that ends where the next one begins: there is none."""
        pairs = [
            tuple(replace(one, gray=one.gray * 0 + gray) for one, gray in zip(two, (95.0, 90.0), strict=True))
            for two in (pair(seed), pair(seed + 1), pair(seed + 2))
        ]
        joined = [
            Expectation(**{name: np.hstack([getattr(one, name) for one in side]) for name in vars(side[0])})
            for side in zip(*pairs, strict=True)
        ]
        found, whole = together([sight(*both) for both in pairs]), sight(*joined)
        assert (found.depth, found.image) == pytest.approx((whole.depth, whole.image))
        assert found.both == pytest.approx(whole.both)
        assert found.pixels == whole.pixels


class TestTextureVariance:
    def test_texture_variance__of_white_noise_and_of_none(self) -> None:
        assert texture_variance(np.full(SHAPE, 77.0)).max() < 1e-6
        noise = np.random.default_rng(0).normal(100, 6, (200, 200))
        # A mean with Gaussian weights has 1 / (4 pi sigma^2) of the variance.
        expected = 36 * (1 - 1 / (4 * math.pi * TEXTURE_WIDTH**2))
        assert texture_variance(noise).mean() == pytest.approx(expected, rel=0.03)

    @pytest.mark.parametrize("kind", [np.uint8, np.float32])
    def test_texture_variance__of_any_kind_of_gray_against_the_definition(self, kind: type) -> None:
        gray = np.random.default_rng(0).integers(0, 256, SHAPE).astype(kind)
        v, u = np.mgrid[-12:13, -12:13]
        weight = np.exp(-(v**2 + u**2) / (2 * TEXTURE_WIDTH**2))
        around = gray[8:33, 13:38].astype(float)
        mean = (weight * around).sum() / weight.sum()
        expected = (weight * (around - mean) ** 2).sum() / weight.sum()
        assert texture_variance(gray)[20, 25] == pytest.approx(expected, rel=1e-6)


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

    def test_expectation__depth_and_its_deviation_are_those_of_many_scans(self, plate: Part) -> None:
        """But for what the ideal observer is not told of: the scan's drift, and light that arrives twice."""
        cell = cell_around(plate, size=(160, 120))
        instance, (_, shot, _) = placed(cell, plate)
        expected = expectation(cell, instance, shot, Window(0, 0, 160, 120))
        seen, signal, camera = look(cell, instance, shot)
        valid = measurable(seen, signal, exposure=shot.exposure, K=camera.K, table=False, rng=None)
        np.testing.assert_array_equal(expected.measured, valid)
        rng = np.random.default_rng(0)
        scans = [measure(seen, valid, head=cell.head, K=camera.K, rng=rng)[valid] for _ in range(300)]
        error = np.array(scans, float) - expected.depth[valid]
        v, u = np.nonzero(valid)
        slope = ((u - camera.K[0, 2]) / camera.K[0, 0]) ** 2 + ((v - camera.K[1, 2]) / camera.K[1, 1]) ** 2
        z, twice = expected.depth[valid], ((1 - seen.openness) * seen.gloss)[valid]
        variance = expected.depth_deviation[valid] ** 2
        variance += z**2 * (DRIFT**2 * (1 + slope) + (INTERREFLECTION * twice) ** 2)
        assert valid.sum() > 3000
        assert (error**2 / variance).mean() == pytest.approx(1, rel=0.05)
        assert np.abs(error.mean(axis=0) / np.sqrt(variance / len(scans))).max() < 6

    def test_expectation__part_is_table_too_where_it_is_measured(self, plate: Part) -> None:
        cell = cell_around(plate, size=(160, 120))
        instance, (shot, *_) = placed(cell, plate)
        whole = Window(0, 0, 160, 120)
        bare = expectation(cell, instance, shot, whole)
        tabled = expectation(replace(cell, setup=replace(cell.setup, table=True)), instance, shot, whole)
        assert bare.part.sum() + 500 < tabled.part.sum()
        np.testing.assert_array_equal(tabled.part, np.isfinite(bare.depth))
        assert (bare.measured <= bare.part).all()
        assert (bare.measured <= tabled.measured).all()
        np.testing.assert_array_equal(bare.gray, tabled.gray)
