"""The highest of very many scores, without sorting the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]

EVERY = 64  # of the scores one tells where the highest begin
MARGIN = 1.25  # times as many as asked are taken by that guess, and some more
AND_MORE = 64


def highest(parts: Sequence[FloatArray], count: int) -> FloatArray:
    """The so many highest scores, and all that equal the lowest of them.

    A sample tells a score that nearly surely lies below these; what is higher is then few enough to sort. Where the
    sample misled, all are sorted: what is returned doesn't depend on it.

    Args:
        parts: The scores, (M,) each without NaN, in any order; at least one part.
        count: How many, 1 or more.

    Returns:
        (K,) ascending; all where there are no more.
    """
    sample = _sorted([part[::EVERY] for part in parts])
    guessed = int(count / EVERY * MARGIN) + AND_MORE
    bound = sample[-guessed] if guessed < len(sample) else -np.inf
    found = _sorted([part[part >= bound] for part in parts])
    if len(found) < count:
        found = _sorted(parts)
    if count >= len(found):
        return found
    return found[np.searchsorted(found, found[-count], side="left") :]


def _sorted(parts: Sequence[FloatArray]) -> FloatArray:
    every = np.concatenate(parts)
    every.sort()
    return every
