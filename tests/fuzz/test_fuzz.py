"""Every parser of ours on a hundred files that are slightly wrong: it reads them, or says why not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import broken
from tests.fuzz.mutation import mutated
from tests.fuzz.targets import NAMES, target

FEW, MANY = 100, 20_000


@pytest.mark.parametrize("name", NAMES)
class TestParsers:
    def test_parser__reads_its_seeds(self, name: str) -> None:
        one = target(name)
        for seed in one.seeds:
            if (
                name != "npz" or seed is one.seeds[0]
            ):  # the second has two arrays, and neither is called depth
                one.parse(seed)

    def test_parser__raises_its_own_errors_alone(self, name: str) -> None:
        _run(name, FEW)

    @pytest.mark.slow
    def test_parser__for_longer(self, name: str) -> None:
        _run(name, MANY, seed=1)

    def test_parser__on_any_bytes(self, name: str) -> None:
        one = target(name)

        @settings(max_examples=30, deadline=None)
        @given(st.binary(max_size=200))
        def check(data: bytes) -> None:
            error = broken(one, data)
            assert error is None, repr(error)

        check()


def _run(name: str, count: int, *, seed: int = 0) -> None:
    one = target(name)
    rng = random.Random(seed)
    for _ in range(count):
        data = mutated(rng.choice(one.seeds), one.kind, rng)
        error = broken(one, data)
        if error is not None:
            raise AssertionError(f"{name}: {data!r}") from error
