"""Lengths of many vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def lengths(vectors: Array) -> Array:
    """(N,) lengths of (N, 3) vectors: `numpy.linalg.norm`, which takes five times as long over three values."""
    x, y, z = vectors[:, 0], vectors[:, 1], vectors[:, 2]
    length: Array = np.sqrt(x * x + y * y + z * z)
    return length
