"""Which maps an epoch takes of each source of a corpus, by weights: a function of the epoch alone."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import numpy as np

from dino_depth.arrays import Array
from dino_depth.data.sampler import Stream, generator, permutation
from dino_depth.errors import ConfigError


class Mix:
    """The rows of a corpus in the order of an epoch, its sources mixed by weights.

    A source of weight w gives w times its maps to an epoch, and all of them in turn before one of them again, however
    small the weight. Without weights an epoch is a permutation of the corpus.

    Args:
        sources: Each row's, by name.
        weights: Of sources; 1 where a source isn't named. 0 leaves it out.
        seed: Of the orders.

    Attributes:
        size: Maps in an epoch.

    Raises:
        ConfigError: a weight is of a source that the corpus hasn't (the nearest is named), or nothing is left.
    """

    def __init__(self, sources: Sequence[str], weights: Mapping[str, float], *, seed: int) -> None:
        named = np.asarray(sources)
        known = list(dict.fromkeys(named.tolist()))
        for name in weights:
            if name not in known:
                nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
                hint = f"did you mean {nearest[0]}?" if nearest else f"it has {', '.join(known)}"
                raise ConfigError(f"data.weights: {name}: expected a source of the corpus, {hint}")
        self._seed = seed
        self._weighted = any(weight != 1 for weight in weights.values())
        self._rows = [np.flatnonzero(named == name) for name in known]
        self._counts = [
            round(weights.get(name, 1.0) * len(rows)) for name, rows in zip(known, self._rows, strict=True)
        ]
        self.size = sum(self._counts)
        if not self.size:
            raise ConfigError("data.weights: expected one above 0, found none: no map is left")

    def __call__(self, epoch: int) -> Array:
        """(`size`,) rows."""
        order = permutation(self.size, seed=self._seed, epoch=epoch)
        if not self._weighted:
            return order
        drawn = [self._drawn(source, epoch) for source in range(len(self._rows))]
        mixed: Array = np.concatenate(drawn)[order]
        return mixed

    def _drawn(self, source: int, epoch: int) -> Array:
        """The rows that a source gives to an epoch: what is next of its permutations, one after the other."""
        rows, count = self._rows[source], self._counts[source]
        turns, places = np.divmod(np.arange(epoch * count, (epoch + 1) * count), len(rows))
        drawn = np.empty(count, rows.dtype)
        for turn in np.unique(turns):
            taken = turns == turn
            order = generator(self._seed, Stream.MIX, int(turn), source).permutation(rows)
            drawn[taken] = order[places[taken]]
        return drawn
