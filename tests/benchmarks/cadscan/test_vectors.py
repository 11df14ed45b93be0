import numpy as np
import pytest

from benchmarks.cadscan.vectors import lengths, within


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lengths__numpys_own_to_the_last_bit(dtype: type) -> None:
    vectors = np.random.default_rng(0).normal(0, 100, (1001, 3)).astype(dtype)
    np.testing.assert_array_equal(lengths(vectors), np.linalg.norm(vectors, axis=1))
    assert lengths(vectors).dtype == dtype


def test_within__borders_belong_to_the_box() -> None:
    points = np.array([[0.0, 0, 0], [1, 2, 3], [1, 2, 3.1], [-0.1, 1, 1], [0.5, 2.1, 1]])
    assert within(points, np.zeros(3), np.array([1.0, 2, 3])).tolist() == [True, True, False, False, False]
