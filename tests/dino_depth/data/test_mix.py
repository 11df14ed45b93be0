"""The mix of a corpus' sources: how often a map is taken, and that none is taken again before its source's others."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dino_depth.data.mix import Mix
from dino_depth.data.sampler import StepSampler
from dino_depth.errors import ConfigError

SOURCES = ["cad"] * 10 + ["visa"] * 7 + ["cad"] * 3


class TestMix:
    def test_call__without_weights_an_epoch_is_the_samplers_own(self) -> None:
        for weights in ({}, {"visa": 1.0}):
            mix = Mix(SOURCES, weights, seed=3)
            assert mix.size == 20
            ours = list(islice(StepSampler(mix.size, 4, seed=3, order=mix), 12))
            assert ours == list(islice(StepSampler(20, 4, seed=3), 12))

    @given(cad=st.floats(0, 3), visa=st.floats(0.1, 3), seed=st.integers(0, 1000))
    @settings(max_examples=40, deadline=None)
    def test_call__every_map_of_a_source_as_often_as_its_others(
        self, cad: float, visa: float, seed: int
    ) -> None:
        mix = Mix(SOURCES, {"cad": cad, "visa": visa}, seed=seed)
        counts: Counter[int] = Counter()
        for epoch in range(7):
            rows = mix(epoch)
            assert len(rows) == mix.size
            counts.update(rows.tolist())
        for name, weight, size in (("cad", cad, 13), ("visa", visa, 7)):
            taken = [counts[row] for row, source in enumerate(SOURCES) if source == name]
            assert sum(taken) == 7 * round(weight * size)
            assert max(taken) - min(taken) <= 1

    def test_call__is_the_same_whatever_was_asked_before_and_mixed(self) -> None:
        one, other = (Mix(SOURCES, {"visa": 2.5}, seed=0) for _ in range(2))
        expected = [one(epoch) for epoch in range(4)]
        for epoch in (3, 0, 2, 1):
            np.testing.assert_array_equal(other(epoch), expected[epoch])
        first_half = expected[0][: len(expected[0]) // 2]
        assert {SOURCES[row] for row in first_half} == {"cad", "visa"}
        assert not np.array_equal(expected[0], expected[1])
        assert not np.array_equal(Mix(SOURCES, {"visa": 2.5}, seed=1)(0), expected[0])

    def test_init__a_weight_of_another_source_is_an_error(self) -> None:
        with pytest.raises(ConfigError) as error:
            Mix(SOURCES, {"vissa": 2.0}, seed=0)
        assert str(error.value) == (
            "data.weights: vissa: expected a source of the corpus, did you mean visa?"
        )

    def test_init__nothing_left_is_an_error(self) -> None:
        with pytest.raises(ConfigError, match=r"^data.weights: expected one above 0, found none"):
            Mix(SOURCES, {"cad": 0.0, "visa": 0.0}, seed=0)
