"""Lengths and cross products of many vectors, to the last bit numpy's own, which take several times as long."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.alignment.motion import cross

__all__ = ["cross", "dot", "lengths"]

Array = npt.NDArray[Any]


def lengths(vectors: Array) -> Array:
    """(...) lengths of (..., 3) vectors: `numpy.linalg.norm` along the last axis."""
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    length: Array = np.sqrt(x * x + y * y + z * z)
    return length


def dot(one: Array, other: Array) -> Array:
    """(...) inner products of (..., 3) vectors: the sum of their product along the last axis."""
    product = one * other
    inner: Array = product[..., 0] + product[..., 1] + product[..., 2]
    return inner
