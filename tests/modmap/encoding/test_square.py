"""The square of tokens: padding, tokens of pixels, and interpolation against float64 loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modmap.encoding.square import Square

Array = npt.NDArray[Any]

FEW = settings(max_examples=25, deadline=None)
SIZES = st.integers(1, 17)
GRIDS = st.integers(1, 9)
SEEDS = st.integers(0, 2**31)


def _weights(square: Square, row: int, column: int) -> dict[tuple[int, int], float]:
    """Bilinear weights of the tokens around a pixel: centres at half, the border tokens repeated outwards."""
    weights: dict[tuple[int, int], float] = {}
    y = (row + square.top + 0.5) * square.grid / square.side - 0.5
    x = (column + square.left + 0.5) * square.grid / square.side - 0.5
    y, x = (min(max(value, 0), square.grid - 1) for value in (y, x))
    for i in (math.floor(y), math.floor(y) + 1):
        for j in (math.floor(x), math.floor(x) + 1):
            weight = max(0, 1 - abs(y - i)) * max(0, 1 - abs(x - j))
            if weight > 0:
                weights[i, j] = weights.get((i, j), 0) + weight
    return weights


def _token_of(square: Square, row: int, column: int) -> tuple[int, int]:
    patch = square.side / square.grid
    return (
        math.floor((row + square.top + 0.5) / patch),
        math.floor((column + square.left + 0.5) / patch),
    )


class TestSquare:
    @pytest.mark.parametrize(
        ("height", "width", "side", "top", "left"), [(3, 7, 7, 2, 0), (7, 4, 7, 0, 1), (5, 5, 5, 0, 0)]
    )
    def test_pad__centred(self, height: int, width: int, side: int, top: int, left: int) -> None:
        square = Square(height, width, grid=2)
        assert (square.side, square.top, square.left) == (side, top, left)

    @FEW
    @given(height=SIZES, width=SIZES)
    def test_pad__repeats_the_border(self, height: int, width: int) -> None:
        square = Square(height, width, grid=2)
        pixels = np.random.default_rng(0).random((height, width), dtype=np.float32)
        padded = square.pad(pixels)
        assert padded.shape == (square.side, square.side)
        assert padded.dtype == np.float32
        for row in range(square.side):
            for column in range(square.side):
                inside = (
                    min(max(row - square.top, 0), height - 1),
                    min(max(column - square.left, 0), width - 1),
                )
                assert padded[row, column] == pixels[inside]

    @FEW
    @given(height=SIZES, width=SIZES, grid=GRIDS, seed=SEEDS)
    def test_tokens_touched__loop(self, height: int, width: int, grid: int, seed: int) -> None:
        square = Square(height, width, grid)
        mask = np.random.default_rng(seed).random((height, width)) < 0.2
        expected = np.zeros((grid, grid), dtype=bool)
        for row, column in np.argwhere(mask).tolist():
            expected[_token_of(square, row, column)] = True
        np.testing.assert_array_equal(square.tokens_touched(mask), expected)

    def test_tokens_touched__padding_holds_none(self) -> None:
        touched = Square(28, 56, grid=4).tokens_touched(np.ones((28, 56), dtype=bool))
        np.testing.assert_array_equal(touched.all(axis=1), [False, True, True, False])
        np.testing.assert_array_equal(touched.any(axis=1), [False, True, True, False])

    @FEW
    @given(height=SIZES, width=SIZES, grid=GRIDS, seed=SEEDS)
    def test_coverage__overlapping_areas(self, height: int, width: int, grid: int, seed: int) -> None:
        square = Square(height, width, min(grid, max(height, width)))
        mask = np.random.default_rng(seed).random((height, width)) < 0.5
        patch = square.side / square.grid
        expected = np.zeros((square.grid, square.grid))
        for row, column in np.argwhere(mask).tolist():
            y, x = row + square.top, column + square.left
            for i in range(square.grid):
                for j in range(square.grid):
                    tall = min(y + 1, (i + 1) * patch) - max(y, i * patch)
                    wide = min(x + 1, (j + 1) * patch) - max(x, j * patch)
                    expected[i, j] += max(tall, 0) * max(wide, 0) / patch**2
        np.testing.assert_allclose(square.coverage(mask), expected, atol=1e-3)

    @FEW
    @given(height=SIZES, width=SIZES, grid=GRIDS, seed=SEEDS)
    def test_upsample__all_known_is_bilinear(self, height: int, width: int, grid: int, seed: int) -> None:
        square = Square(height, width, grid)
        tokens = np.random.default_rng(seed).uniform(0, 2, (grid, grid))
        found = square.upsample(tokens, np.ones((grid, grid), dtype=bool))
        assert found.dtype == np.float32
        for row in range(height):
            for column in range(width):
                weights = _weights(square, row, column)
                assert sum(weights.values()) == pytest.approx(1)
                expected = sum(weight * tokens[at] for at, weight in weights.items())
                assert found[row, column] == pytest.approx(expected, abs=1e-5)

    @FEW
    @given(height=SIZES, width=SIZES, grid=GRIDS, seed=SEEDS)
    def test_upsample__known_alone_count(self, height: int, width: int, grid: int, seed: int) -> None:
        square, random = Square(height, width, grid), np.random.default_rng(seed)
        known = random.random((grid, grid)) < 0.6
        tokens = np.where(known, random.uniform(0, 2, (grid, grid)), np.inf)
        found = square.upsample(tokens, known)
        for row in range(height):
            for column in range(width):
                weights = {at: w for at, w in _weights(square, row, column).items() if known[at]}
                total = sum(weights.values())
                if total > 1e-5:
                    expected = sum(w * tokens[at] for at, w in weights.items()) / total
                    assert found[row, column] == pytest.approx(expected, abs=1e-3 if total < 0.01 else 1e-5)

    @FEW
    @given(height=SIZES, width=SIZES, grid=GRIDS, seed=SEEDS)
    def test_upsample__every_pixel_of_a_touched_token_is_scored(
        self, height: int, width: int, grid: int, seed: int
    ) -> None:
        square = Square(height, width, grid)
        mask = np.random.default_rng(seed).random((height, width)) < 0.3
        known = square.tokens_touched(mask)
        assert np.isfinite(square.upsample(np.ones((grid, grid)), known)[mask]).all()

    def test_upsample__unknown_where_no_token_reaches(self) -> None:
        known = np.zeros((4, 4), dtype=bool)
        known[0, 0] = True
        found = Square(8, 8, grid=4).upsample(np.where(known, 1.5, np.inf), known)
        expected = np.full((8, 8), np.nan)
        expected[:3, :3] = 1.5  # centres at 0.25, 0.75 and 1.25 patches; the second token's is at 1.5
        np.testing.assert_allclose(found, expected, atol=1e-6)

    def test_upsample__none_known(self) -> None:
        found = Square(4, 6, grid=2).upsample(np.full((2, 2), np.inf), np.zeros((2, 2), dtype=bool))
        assert np.isnan(found).all()
