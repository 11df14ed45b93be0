"""The highest scores against a full sort, where a sample tells their bound and where it misleads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modmap.metrics.highest import highest
from modmap.types import Array


def _by_sorting(parts: list[Array], count: int) -> Array:
    every = np.sort(np.concatenate(parts))
    return every if count >= len(every) else every[every >= every[-count]]


class TestHighest:
    @settings(max_examples=60, deadline=None)
    @given(
        seed=st.integers(0, 10_000),
        lengths=st.lists(st.integers(0, 9000), min_size=1, max_size=3),
        share=st.floats(0.0005, 1.2),
        levels=st.sampled_from([2, 50, 10**6]),
    )
    def test_highest__equals_a_full_sort(
        self, seed: int, lengths: list[int], share: float, levels: int
    ) -> None:
        rng = np.random.default_rng(seed)
        parts = [rng.integers(0, levels, length).astype(np.float32) for length in lengths]
        count = max(int(share * sum(lengths)), 1)
        np.testing.assert_array_equal(highest(parts, count), _by_sorting(parts, count))

    @pytest.mark.parametrize("taken", [slice(0, None, 64), slice(1, None, 64)])
    def test_highest__a_sample_that_misleads(self, taken: slice) -> None:
        scores = np.random.default_rng(0).random(200_000)
        scores[taken] += 1  # the sample has all of the highest, or none of them
        np.testing.assert_array_equal(highest([scores], 2500), _by_sorting([scores], 2500))
