"""Scratches, specks and the lay of a surface, on images made for it."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from modmap.evidence.lines import (
    AROUND,
    COARSER,
    DIRECTIONS,
    LEAST,
    THIRDS,
    WIDTH,
    expected_lines,
    line_scores,
    line_strengths,
)

Array = npt.NDArray[Any]
WHOLE = np.ones((192, 1024), dtype=bool)
SIGMA = 2.0


def _grain(seed: int, *, stretched: float = 1.0, contrast: float = 0.1) -> Array:
    noise = np.random.default_rng(seed).standard_normal(WHOLE.shape).astype(np.float32)
    grain = cv2.GaussianBlur(noise, (0, 0), sigmaX=0.7, sigmaY=0.7 * stretched)
    return np.asarray(contrast * grain / grain.std(), dtype=np.float32)


def _scratched(image: Array, angle: float, *, length: float = 60.0, contrast: float = 0.4) -> Array:
    """The image with a line through the middle, at an angle in degrees from its rows."""
    arm = length / 2 * np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    first, last = (np.rint(np.array([512.0, 96.0]) + sign * arm).astype(int) for sign in (-1, 1))
    drawn = np.zeros_like(image)
    cv2.line(drawn, tuple(map(int, first)), tuple(map(int, last)), 1.0, 1)
    return np.asarray(image + contrast * drawn, dtype=np.float32)


def _scores(nominal: Array, new: Array, known: Array = WHOLE) -> list[Array]:
    """By length (H, W) scores of images that lie alike, NaN where nothing is known."""
    rows, columns = np.nonzero(known)
    ratio = np.where(known, new - nominal, 0).astype(np.float32)
    place = np.column_stack([columns, rows]).astype(np.float32)
    maps = []
    for told in line_scores(ratio, known, place, expected_lines(nominal, known, known)):
        full = np.full(known.shape, np.nan, np.float32)
        full[known] = told
        maps.append(full)
    return maps


def _strengths(values: Array, known: Array, third: int, *, sigma: float) -> Array:
    """(D, H, W) of all directions."""
    return np.stack(list(line_strengths(values, known, third, sigma=sigma)))


class TestLineStrengths:
    @pytest.mark.parametrize("third", [3, 6])
    def test_line_strengths__are_the_least_third_of_a_line_drawn_point_by_point(self, third: int) -> None:
        values = np.random.default_rng(0).standard_normal((40, 48)).astype(np.float32)
        known = np.random.default_rng(1).random((40, 48)) > 0.1
        weight = known.astype(np.float32)
        mean = cv2.GaussianBlur(values * weight, (0, 0), SIGMA) / cv2.GaussianBlur(weight, (0, 0), SIGMA)
        thin = np.where(known, values - mean, 0)
        found = _strengths(values, known, third, sigma=SIGMA)
        assert found.shape == (DIRECTIONS, 40, 48)
        for index in range(DIRECTIONS):
            angle = math.pi * index / DIRECTIONS
            along = np.array([math.sin(angle), math.cos(angle)])
            for row, column in [(20, 24), (15, 30), (25, 17), (19, 19)]:
                means = []
                for shift in (-1, 0, 1):
                    middle = np.array([row, column]) + shift * np.rint(third * along)
                    points = [middle + step * along for step in np.arange(third) - (third - 1) / 2]
                    means.append(np.mean(ndimage.map_coordinates(thin, np.transpose(points), order=1)))
                same = np.all(np.sign(means) == np.sign(means[0]))
                wanted = np.min(np.abs(means)) if same else 0.0
                assert found[index, row, column] == pytest.approx(wanted, abs=1e-5)

    def test_line_strengths__of_a_line_along_the_rows_in_closed_form(self) -> None:
        """What a Gaussian leaves of a row is its own value in the middle of the profile."""
        image = np.zeros(WHOLE.shape, np.float32)
        image[96] = 0.5
        left = 1 - 1 / (SIGMA * math.sqrt(2 * math.pi))
        for sign in (1, -1):
            found = _strengths(np.float32(sign) * image, WHOLE, 6, sigma=SIGMA)
            assert found[0, 96, 512] == pytest.approx(0.5 * left, rel=0.01)
            assert found[DIRECTIONS // 2, 96, 512] == 0
            assert found[:, 96, 512].argmax() == 0

    @pytest.mark.parametrize("size", [1, 2])
    def test_line_strengths__of_a_speck_are_none(self, size: int) -> None:
        image = np.zeros(WHOLE.shape, np.float32)
        image[96 : 96 + size, 512 : 512 + size] = -2.0
        line = np.zeros(WHOLE.shape, np.float32)
        line[96, 500:530] = -0.3
        speck, scratch = (_strengths(one, WHOLE, 3, sigma=SIGMA).max() for one in (image, line))
        assert speck < 0.4 * scratch

    def test_line_strengths__what_is_not_known_has_no_say(self) -> None:
        known = WHOLE.copy()
        known[:, 514:] = False
        values = _grain(0)
        other = np.where(known, values, 7.0)
        np.testing.assert_array_equal(
            _strengths(values, known, 3, sigma=SIGMA),
            _strengths(other, known, 3, sigma=SIGMA),
        )


class TestExpectedLines:
    def test_expected_lines__are_the_root_mean_square_around(self) -> None:
        image = _grain(3)
        found = expected_lines(image, WHOLE, WHOLE)
        for usual, third in zip(found, THIRDS, strict=True):
            assert usual.shape == (192 // COARSER, 1024 // COARSER, DIRECTIONS)
            strengths = _strengths(image, WHOLE, round(third), sigma=WIDTH)
            direct = np.sqrt(2 * cv2.GaussianBlur(strengths[5] ** 2, (0, 0), AROUND) + LEAST**2)
            np.testing.assert_allclose(usual[12, 64, 5], direct[12 * 8 + 4, 64 * 8 + 4], rtol=0.1)

    def test_expected_lines__of_a_part_lie_where_it_does(self) -> None:
        known = np.zeros(WHOLE.shape, dtype=bool)
        known[13:190, 301:999] = True
        image = _grain(3)
        image[:, 650:] *= 5
        for part, whole in zip(
            expected_lines(image, known, known), expected_lines(image, WHOLE, WHOLE), strict=True
        ):
            assert part.shape == whole.shape
            np.testing.assert_allclose(part[9:15, 46:116], whole[9:15, 46:116], rtol=0.1)

    def test_expected_lines__of_nothing_are_what_light_can_change(self) -> None:
        for expected in expected_lines(_grain(3), ~WHOLE, ~WHOLE):
            np.testing.assert_array_equal(expected, np.float32(LEAST))

    def test_expected_lines__of_glare_are_those_of_the_other_places(self) -> None:
        told = WHOLE.copy()
        told[:, 500:] = False
        image = np.where(told, _grain(3), 0)
        usual = expected_lines(image, WHOLE, told)[0]
        least, most = (float(np.median(usual[:, 5:50].max(axis=2))) * factor for factor in (0.9, 1.1))
        assert least < usual[:, 80:].min() <= usual[:, 80:].max() < most
        np.testing.assert_allclose(usual[:, :40], expected_lines(image, told, told)[0][:, :40], rtol=1e-3)

    def test_expected_lines__of_a_lay_are_along_it(self) -> None:
        usual = expected_lines(_grain(4, stretched=8.0), WHOLE, WHOLE)[0].mean(axis=(0, 1))
        assert usual.argmax() == DIRECTIONS // 2
        assert usual.max() > 3 * usual[0]


class TestLineScores:
    def test_line_scores__of_the_same_image_are_none(self) -> None:
        image = _grain(0)
        for scores in _scores(image, image):
            assert scores.max() == 0

    @pytest.mark.parametrize("angle", [0, 20, 45, 77, 90, 135])
    def test_line_scores__of_a_scratch_stand_out_along_it(self, angle: float) -> None:
        for scores in _scores(_grain(0), _scratched(_grain(1), angle, contrast=0.7)):
            distance = _distance(angle)
            assert np.median(scores[(distance < 0.8) & _near(20)]) > 2.5
            assert scores[~_near(45)].max() < scores[distance < 1].max() / 1.5

    def test_line_scores__along_the_lay_are_held_against_it(self) -> None:
        nominal, other = (_grain(seed, stretched=8.0) for seed in (5, 6))
        across, along = (
            float(
                np.median(_scores(nominal, _scratched(other, angle))[0][(_distance(angle) < 0.8) & _near(15)])
            )
            for angle in (0, 90)
        )
        assert across > 2 * along

    def test_line_scores__of_a_plain_plate_are_multiples_of_what_light_can_change(self) -> None:
        plain = np.zeros(WHOLE.shape, np.float32)
        scores = _scores(plain, _scratched(plain, 0, contrast=0.2))
        strengths = _strengths(_scratched(plain, 0, contrast=0.2), WHOLE, 3, sigma=WIDTH)
        assert scores[0][96, 512] == pytest.approx(float(strengths[:, 96, 512].max()) / LEAST, rel=1e-4)

    def test_line_scores__are_of_the_known_pixels_in_their_order(self) -> None:
        known = np.zeros(WHOLE.shape, dtype=bool)
        known[60:150, 420:600] = True
        whole = _scores(_grain(0), _scratched(_grain(1), 30))[0]
        part = _scores(_grain(0), _scratched(_grain(1), 30), known)[0]
        assert np.isnan(part[~known]).all()
        np.testing.assert_allclose(part[90:102, 490:534], whole[90:102, 490:534], rtol=0.35, atol=0.3)


def _distance(angle: float) -> Array:
    """(H, W) pixels from the straight line through the middle."""
    v, u = np.mgrid[: WHOLE.shape[0], : WHOLE.shape[1]]
    across = np.array([-math.sin(math.radians(angle)), math.cos(math.radians(angle))])
    return np.abs((u - 512) * across[0] + (v - 96) * across[1])


def _near(radius: float) -> Array:
    v, u = np.mgrid[: WHOLE.shape[0], : WHOLE.shape[1]]
    return np.asarray(np.hypot(u - 512, v - 96) < radius)
