"""Smooth random fields in space, from random values on a periodic lattice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmarks.cadscan import kernels
from benchmarks.cadscan.kernels import CELLS

FloatArray = npt.NDArray[np.float32]


class LatticeNoise:
    """Value noise: uniform random values at the lattice points, smoothly interpolated between them.

    Args:
        seed: Another seed, another field.
        channels: Independent fields evaluated at once.
    """

    def __init__(self, seed: int, *, channels: int = 4) -> None:
        rng = np.random.default_rng(seed)
        shape = (CELLS**3, channels)
        self.values: FloatArray = rng.random(shape, dtype=np.float32) * np.float32(2) - np.float32(1)

    def __call__(self, coordinates: npt.NDArray[np.floating]) -> FloatArray:
        """Evaluates the field.

        Args:
            coordinates: (M, 3) in lattice cells; the field repeats after 64 cells along each axis.

        Returns:
            (M, C) float32 in [-1, 1].
        """
        return kernels.lattice(self.values, np.asarray(coordinates, dtype=np.float32))
