"""Which tokens are mapped, and what the others take over."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from modmap.encoding.rim import inner_tokens, spread_to_rim
from modmap.encoding.square import Square


class TestInnerTokens:
    def test_inner_tokens__a_share_of_0_keeps_all_of_the_part(self) -> None:
        mask = np.zeros((80, 80), dtype=bool)
        mask[11:52, 13:60] = True
        square = Square(80, 80, grid=8)
        np.testing.assert_array_equal(inner_tokens(mask, square, share=0), square.tokens_touched(mask))

    def test_inner_tokens__a_square_loses_the_rim_that_it_covers_less_than_half(self) -> None:
        mask = np.zeros((80, 80), dtype=bool)
        mask[14:56, 18:60] = True  # rows 14-19 are 60% of a token, columns 18-19 are 20%
        inner = inner_tokens(mask, Square(80, 80, grid=8), share=0.5)
        expected = np.zeros((8, 8), dtype=bool)
        expected[1:6, 2:6] = True
        np.testing.assert_array_equal(inner, expected)

    def test_inner_tokens__a_thin_bar_is_kept_whole(self) -> None:
        mask = np.zeros((80, 80), dtype=bool)
        mask[33:36, 5:75] = True
        square = Square(80, 80, grid=8)
        np.testing.assert_array_equal(inner_tokens(mask, square, share=0.5), square.tokens_touched(mask))

    def test_inner_tokens__pinholes_are_no_rim(self) -> None:
        mask = np.zeros((90, 90), dtype=bool)
        mask[0:90:2, 0:90:2] = True  # a quarter of the pixels
        assert inner_tokens(mask, Square(90, 90, grid=9), share=0.5).all()


class TestSpreadToRim:
    @given(st.integers(0, 10**6))
    def test_spread_to_rim__slow_loop(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        grid = 6
        tokens = np.where(rng.random((grid, grid)) < 0.6, rng.random((grid, grid)), np.inf)
        touched = np.isfinite(tokens) | (rng.random((grid, grid)) < 0.5)
        spread = spread_to_rim(tokens, touched)
        slow = tokens.copy()
        for _ in range(grid * grid):  # ring after ring
            before = slow.copy()
            for y in range(grid):
                for x in range(grid):
                    around = [
                        before[v, u]
                        for v in range(max(0, y - 1), min(grid, y + 2))
                        for u in range(max(0, x - 1), min(grid, x + 2))
                        if np.isfinite(before[v, u])
                    ]
                    if touched[y, x] and np.isinf(before[y, x]) and around:
                        slow[y, x] = np.mean(around)
        np.testing.assert_allclose(spread, slow, rtol=1e-6)

    @given(st.integers(0, 10**6), st.floats(0, 1))
    def test_spread_to_rim__every_token_of_the_part_has_a_score(self, seed: int, share: float) -> None:
        rng = np.random.default_rng(seed)
        mask = np.zeros((60, 90), dtype=bool)
        for _ in range(4):
            y, x = rng.integers(0, 50), rng.integers(0, 80)
            mask[y : y + rng.integers(1, 30), x : x + rng.integers(1, 40)] = True
        square = Square(60, 90, grid=9)
        inner = inner_tokens(mask, square, share=share)
        touched = square.tokens_touched(mask)
        spread = spread_to_rim(np.where(inner, rng.random((9, 9)), np.inf), touched)
        np.testing.assert_array_equal(np.isfinite(spread), touched)
