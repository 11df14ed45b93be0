"""Small cubes of the world in which several views show the same piece of surface."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modmap.types import Array

DENSE = 200_000_000  # cubes: so many are counted one by one, which is faster than sorting, in 1 GB


@dataclass(frozen=True, eq=False)
class Places:
    """Which place each point of several lists is in.

    Attributes:
        count: Of all places.
        of: For each list (M,) int64 numbers of its points' places, from 0.
    """

    count: int
    of: tuple[Array, ...]

    @classmethod
    def hashed(cls, points: Sequence[Array], *, edge: float) -> Places:
        """The cubes that points lie in.

        Args:
            points: Lists (M, 3) of world points, mm.
            edge: Of a cube, mm.
        """
        every = np.concatenate(points).astype(np.float64)
        if not len(every):
            return cls(0, tuple(np.zeros(0, np.int64) for _ in points))
        columns = [np.floor((column - column.min()) / edge).astype(np.int64) for column in every.T]
        sides = [int(column.max()) + 1 for column in columns]
        number = (columns[0] * sides[1] + columns[1]) * sides[2] + columns[2]
        if math.prod(sides) <= DENSE:
            taken = np.zeros(math.prod(sides), dtype=bool)
            taken[number] = True
            numbers = np.cumsum(taken, dtype=np.int32) - 1
            count, place = int(numbers[-1]) + 1, numbers[number].astype(np.int64)
        else:
            different, place = np.unique(number, return_inverse=True)
            count = len(different)
        ends = np.cumsum([len(one) for one in points])[:-1]
        return cls(count, tuple(np.split(place.reshape(-1), ends)))

    def mean(self, values: Sequence[Array], weights: Sequence[Array]) -> Array:
        """(count,) weighted mean of the values of each place; NaN where no weight is positive.

        Args:
            values: For each list of points (M,) values, NaN where nothing is known.
            weights: For each list (M,) weights.
        """
        total, weight = np.zeros(self.count), np.zeros(self.count)
        for place, value, one in zip(self.of, values, weights, strict=True):
            known = np.isfinite(value)
            total += np.bincount(place[known], value[known] * one[known], self.count)
            weight += np.bincount(place[known], one[known], self.count)
        return np.asarray(np.divide(total, weight, out=np.full(self.count, np.nan), where=weight > 0))
