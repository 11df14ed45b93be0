"""The law of largest scores, against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from modmap.largest_scores import LargestScores

LOCATIONS, SCALES = st.floats(-5, 5), st.floats(0.05, 3)


class TestLargestScores:
    @given(LOCATIONS, SCALES, st.floats(0.001, 0.999), st.integers(1, 36))
    def test_threshold__is_scipys_quantile(
        self, location: float, scale: float, rate: float, draws: int
    ) -> None:
        found = LargestScores(location=location, scale=scale).of_several(draws)
        # The largest of n draws stays below a score with the n-th power of one draw's probability.
        expected = stats.gumbel_r(location, scale).ppf((1 - rate) ** (1 / draws))
        assert found.threshold(rate) == pytest.approx(expected, rel=1e-6, abs=1e-6)
        assert found.p_values(np.array(found.threshold(rate))) == pytest.approx(rate, rel=1e-6)

    @given(LOCATIONS, SCALES)
    def test_p_values__are_scipys(self, location: float, scale: float) -> None:
        scores = np.array([[-9.0, -3.0, 0.0], [1.0, np.nan, 50.0]])
        found = LargestScores(location=location, scale=scale).p_values(scores)
        np.testing.assert_allclose(found, stats.gumbel_r(location, scale).sf(scores), rtol=1e-9, atol=1e-300)

    def test_p_values__without_scatter(self) -> None:
        found = LargestScores(location=1.0, scale=0.0).p_values(np.array([0.9, 1.0, 1.1, np.nan]))
        np.testing.assert_array_equal(found, [1.0, 1.0, 0.0, np.nan])

    def test_of__finds_what_was_drawn(self) -> None:
        drawn = np.random.default_rng(0).gumbel(1.3, 0.2, 20_000)
        found = LargestScores.of(drawn.tolist())
        assert (found.location, found.scale) == (pytest.approx(1.3, abs=0.01), pytest.approx(0.2, abs=0.01))

    def test_of__a_single_score(self) -> None:
        assert LargestScores.of([0.7]) == LargestScores(location=0.7, scale=0.0)
