"""Draws of training parts."""

from __future__ import annotations

import pytest

from benchmarks.evaluations.training_draws import training_draws
from modmap.errors import ModMapError


class TestTrainingDraws:
    def test_draws__seeded_nested_and_different(self) -> None:
        draws = training_draws(10, [2, 5, 10], draws=3)
        assert [(len(one), one.number) for one in draws] == [
            *((2, number) for number in range(3)),
            *((5, number) for number in range(3)),
            (10, 0),
        ]
        assert draws == training_draws(10, [2, 5, 10], draws=3)
        by_size = {(len(one), one.number): set(one.indices) for one in draws}
        for number in range(3):
            assert by_size[2, number] < by_size[5, number]
        assert len({one.indices for one in draws if len(one) == 5}) == 3
        assert draws[-1].indices == tuple(range(10))
        assert all(list(one.indices) == sorted(set(one.indices)) for one in draws)

    def test_draws__more_draws_keep_the_first(self) -> None:
        assert training_draws(10, [3], draws=5)[:2] == training_draws(10, [3], draws=2)

    def test_draws__all_by_default(self) -> None:
        (draw,) = training_draws(4, [], draws=7)
        assert draw.indices == (0, 1, 2, 3)

    def test_draws__refused(self) -> None:
        with pytest.raises(ModMapError, match="parts: expected from 1 to 4 training parts, found 5"):
            training_draws(4, [1, 5], draws=1)
