"""Small cubes of the world in which several views show the same piece of surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modmap.types import Array

BITS = 3  # two to the power of it: cubes along a block's side; surface is in few blocks, whose cubes are then few
DENSE = 200_000_000  # numbers: so many are counted one by one, which is faster than sorting, in 1 GB


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
        block, _ = _dense(_numbered([column >> BITS for column in columns]))
        inside = _numbered([column & ((1 << BITS) - 1) for column in columns], sides=(1 << BITS,) * 3)
        place, count = _dense((block << 3 * BITS) + inside)
        ends = np.cumsum([len(one) for one in points])[:-1]
        return cls(count, tuple(np.split(place, ends)))

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


def _numbered(columns: Sequence[Array], sides: Sequence[int] | None = None) -> Array:
    """(M,) int64 one number for each of M cells, whose three coordinates are (M,) int64 from 0 each."""
    _, across, down = sides or [int(column.max()) + 1 for column in columns]
    return (columns[0] * across + columns[1]) * down + columns[2]


def _dense(number: Array) -> tuple[Array, int]:
    """(M,) int64 the rank of each number among those that occur, and how many do."""
    if (most := int(number.max()) + 1) > DENSE:
        different, rank = np.unique(number, return_inverse=True)
        return rank.reshape(-1), len(different)
    taken = np.zeros(most, dtype=bool)
    taken[number] = True
    ranks = np.cumsum(taken, dtype=np.int32) - 1
    return ranks[number].astype(np.int64), int(ranks[-1]) + 1
