"""Smooth random fields in space, from random values on a periodic lattice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

CELLS = 64
CHUNK = 1 << 15


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
        result = np.empty((len(coordinates), self.values.shape[1]), dtype=np.float32)
        for start in range(0, len(coordinates), CHUNK):
            result[start : start + CHUNK] = self._chunk(
                np.asarray(coordinates[start : start + CHUNK], np.float32)
            )
        return result

    def _chunk(self, coordinates: FloatArray) -> FloatArray:
        low = np.floor(coordinates)
        fraction = coordinates - low
        weight = fraction * fraction * (3 - 2 * fraction)
        cell = low.astype(np.int32) & (CELLS - 1)
        following = (cell + 1) & (CELLS - 1)
        x = (cell[:, 0] * CELLS * CELLS, following[:, 0] * CELLS * CELLS)
        y = (cell[:, 1] * CELLS, following[:, 1] * CELLS)
        z = (cell[:, 2], following[:, 2])
        wx, wy, wz = (weight[:, axis, None] for axis in range(3))

        def along_z(i: int, j: int) -> FloatArray:
            base = x[i] + y[j]
            first = self.values.take(base + z[0], axis=0)
            return np.asarray(first + (self.values.take(base + z[1], axis=0) - first) * wz)

        def along_y(i: int) -> FloatArray:
            first = along_z(i, 0)
            return first + (along_z(i, 1) - first) * wy

        first = along_y(0)
        return np.asarray(first + (along_y(1) - first) * wx, dtype=np.float32)
