import numpy as np
import pytest

from benchmarks.cadscan.vectors import cross, dot, lengths

SHAPES = [(1001, 3), (1, 3), (57, 3, 3)]


def vectors(shape: tuple[int, ...], dtype: type, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 100, shape).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lengths__numpys_own_to_the_last_bit(dtype: type, shape: tuple[int, ...]) -> None:
    some = vectors(shape, dtype)
    np.testing.assert_array_equal(lengths(some), np.linalg.norm(some, axis=-1))
    assert lengths(some).dtype == dtype


@pytest.mark.parametrize("shape", [*SHAPES, (3,)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross__numpys_own_to_the_last_bit(dtype: type, shape: tuple[int, ...]) -> None:
    one, other = vectors(shape, dtype), vectors(shape, dtype, 1)
    np.testing.assert_array_equal(cross(one, other), np.cross(one, other))
    assert cross(one, other).dtype == dtype


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dot__numpys_own_to_the_last_bit(dtype: type, shape: tuple[int, ...]) -> None:
    one, other = vectors(shape, dtype), vectors(shape, dtype, 1)
    np.testing.assert_array_equal(dot(one, other), (one * other).sum(axis=-1))
    assert dot(one, other).dtype == dtype
