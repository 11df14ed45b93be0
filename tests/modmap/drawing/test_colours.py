"""Colours of scores: the scale's ends, its evenness, and what a colour-blind eye makes of it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modmap.drawing.colours import ABOVE, BELOW, ZERO, blend, colourise, colourise_signed

FIRST, LAST = (13, 8, 135), (240, 249, 33)
# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB.
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
PROTANOPIA = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)


def seen_by(colours: Any, eye: Any) -> Any:
    share = colours / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ eye.T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def cielab(colours: Any) -> Any:
    return cv2.cvtColor(np.asarray(colours, dtype=np.float32)[None], cv2.COLOR_RGB2Lab)[0].astype(float)


class TestColourise:
    def test_ends_of_the_scale__are_the_published_colours(self) -> None:
        assert colourise(np.array([0.0, 0.8]), 0.8).tolist() == [list(FIRST), list(LAST)]

    def test_beyond_the_ends__the_same_colours(self) -> None:
        colours = colourise(np.array([-1.0, -np.inf, 0.9, np.inf]), 0.8)
        assert colours.tolist() == [list(FIRST), list(FIRST), list(LAST), list(LAST)]

    def test_bottom__is_the_first_colour(self) -> None:
        colours = colourise(np.array([0.25, 0.5, 0.75]), 0.75, bottom=0.25)
        np.testing.assert_array_equal(colours, colourise(np.array([0.0, 0.5, 1.0]), 1.0))
        assert colours[0].tolist() == list(FIRST)

    def test_nan__is_the_callers_background(self) -> None:
        colours = colourise(np.array([[np.nan, 1.0]]), 1.0, background=(1, 2, 3))
        assert colours.tolist() == [[[1, 2, 3], list(LAST)]]

    def test_no_span__has_two_colours_and_no_warning(self) -> None:
        assert colourise(np.array([0.0, 0.1]), 0.0).tolist() == [list(FIRST), list(LAST)]

    @settings(max_examples=25, deadline=None)
    @given(
        values=hnp.arrays(
            np.float32, hnp.array_shapes(max_side=3), elements=st.floats(-4, 4, width=32) | st.just(np.nan)
        ),
        top=st.floats(0.125, 3, width=32),
    )
    def test_any_values__shape_type_and_one_colour_per_score(self, values: Any, top: float) -> None:
        colours = colourise(values, top)
        assert colours.shape == (*values.shape, 3)
        assert colours.dtype == np.uint8
        for index in np.ndindex(values.shape):
            np.testing.assert_array_equal(colours[index], colourise(values[index], top))

    def test_steps__look_the_same_size(self) -> None:
        lightness = cielab(colourise(np.linspace(0, 1, 33), 1.0) / 255.0)[:, 0]
        steps = np.diff(lightness)
        assert 0 < steps.max() < 1.7 * steps.min()

    @pytest.mark.parametrize("eye", [np.eye(3), DEUTERANOPIA, PROTANOPIA], ids=["full", "deutan", "protan"])
    def test_higher_scores__look_lighter_to_every_eye(self, eye: Any) -> None:
        lightness = cielab(seen_by(colourise(np.linspace(0, 1, 33), 1.0), eye))[:, 0]
        assert (np.diff(lightness) > 0).all()

    def test_no_colour__is_gray(self) -> None:
        lab = cielab(colourise(np.linspace(0, 1, 33), 1.0) / 255.0)
        assert np.hypot(lab[:, 1], lab[:, 2]).min() > 40


class TestBlend:
    @pytest.fixture
    def gray(self) -> Any:
        return np.random.default_rng(0).integers(0, 256, (6, 5), dtype=np.uint8)

    def test_no_score__is_the_image(self, gray: Any) -> None:
        blended = blend(gray, np.full(gray.shape, np.nan), 1.0)
        np.testing.assert_array_equal(blended, np.stack([gray] * 3, axis=2))

    def test_lowest_score__is_the_image(self, gray: Any) -> None:
        blended = blend(gray, np.full(gray.shape, 0.2), 1.0, bottom=0.2)
        np.testing.assert_array_equal(blended, np.stack([gray] * 3, axis=2))

    def test_highest_score__is_the_colour(self, gray: Any) -> None:
        blended = blend(gray, np.full(gray.shape, 1.5), 1.0)
        assert (blended == LAST).all()

    def test_half_covered__is_half_way(self, gray: Any) -> None:
        coverage = np.full(gray.shape, 0.5)
        blended = blend(gray, np.full(gray.shape, 1.0), 1.0, coverage=coverage)
        middle = (gray[:, :, None].astype(float) + np.array(LAST)) / 2
        assert np.abs(blended - middle).max() <= 0.5

    def test_higher_score__covers_more_of_the_image(self) -> None:
        left = []
        for score in np.linspace(0, 1, 11):
            dark, light = (blend(np.full((1, 1), v, np.uint8), np.full((1, 1), score), 1.0) for v in (0, 255))
            left.append(float((light.astype(int) - dark).mean()))
        assert left[0] == 255
        assert left[-1] == 0
        assert (np.diff(left) < 0).all()
        assert left[3] > 200


class TestColouriseSigned:
    def test_ends_and_middle(self) -> None:
        values = np.array([[-5.0, -0.5, 0.0, 0.5, 9.0, np.nan]])
        colours = colourise_signed(values, 0.5, background=(1, 2, 3))
        assert colours.tolist() == [[list(c) for c in (BELOW, BELOW, ZERO, ABOVE, ABOVE, (1, 2, 3))]]

    @pytest.mark.parametrize("eye", [None, DEUTERANOPIA, PROTANOPIA])
    def test_signs_are_told_apart_by_every_eye(self, eye: Any) -> None:
        colours = (
            colourise_signed(np.array([[-1.0, -0.5, 0.0, 0.5, 1.0]]), 1.0, background=(0, 0, 0))[0] / 1.0
        )
        seen = cielab(colours / 255.0 if eye is None else seen_by(colours, eye))
        apart = np.linalg.norm(seen[:, None] - seen[None], axis=2)
        assert apart[~np.eye(5, dtype=bool)].min() > 15
