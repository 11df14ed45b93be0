"""Which of a category's training parts a model learns from, where it is to learn from few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modmap.errors import ModMapError


@dataclass(frozen=True)
class Draw:
    """Some training parts.

    Attributes:
        number: Which draw of as many parts it is, from 0.
        indices: The parts, ascending.
    """

    number: int
    indices: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.indices)


def training_draws(available: int, numbers_of_parts: Sequence[int], *, draws: int) -> list[Draw]:
    """Draws of training parts; one alone where all of them are taken.

    A draw of few parts is the beginning of a shuffle, whose seed is the draw's number, and so are its larger numbers of
    parts: one draw differs from the next, and more parts are those of fewer and some besides.

    Args:
        available: Training parts that there are.
        numbers_of_parts: How many to take, each; none: all.
        draws: Of each number, 1 or more.

    Raises:
        ModMapError: a number isn't between 1 and `available`.
    """
    found = []
    for parts in dict.fromkeys(numbers_of_parts or [available]):
        if not 1 <= parts <= available:
            raise ModMapError(f"parts: expected from 1 to {available} training parts, found {parts}")
        for number in range(1 if parts == available else draws):
            shuffled = np.random.default_rng(number).permutation(available)
            found.append(Draw(number, tuple(sorted(int(index) for index in shuffled[:parts]))))
    return found
