import numpy as np

from benchmarks.cadscan.kernels import CELLS
from benchmarks.cadscan.noise import LatticeNoise


def scalar_noise(field: LatticeNoise, point: np.ndarray, channel: int) -> float:
    """Trilinear interpolation with a smooth weight, one corner after the other."""
    low = np.floor(point).astype(int)
    t = point - low
    s = 3 * t**2 - 2 * t**3
    total = 0.0
    for corner in np.ndindex(2, 2, 2):
        i, j, k = (low + corner) % CELLS
        weight = np.prod([s[a] if corner[a] else 1 - s[a] for a in range(3)])
        total += weight * field.values[(i * CELLS + j) * CELLS + k, channel]
    return total


class TestLatticeNoise:
    def test_call__equals_scalar_reference(self) -> None:
        field = LatticeNoise(3)
        points = np.random.default_rng(0).uniform(-100, 100, (200, 3)).astype(np.float32)
        expected = [[scalar_noise(field, p.astype(float), c) for c in range(4)] for p in points]
        np.testing.assert_allclose(field(points), expected, atol=2e-5)

    def test_call__repeats_after_its_cells_and_not_before(self) -> None:
        field = LatticeNoise(1, channels=2)
        points = np.random.default_rng(0).uniform(0, 8, (50, 3))
        np.testing.assert_allclose(field(points), field(points + np.array([CELLS, 0, -CELLS])), atol=1e-4)
        assert np.abs(field(points) - field(points + np.array([8, 0, 0]))).mean() > 0.1

    def test_call__is_the_same_in_any_company(self) -> None:
        field = LatticeNoise(1)
        points = np.random.default_rng(0).uniform(0, 8, (70_000, 3))
        assert (field(points)[40_000:] == field(points[40_000:])).all()
