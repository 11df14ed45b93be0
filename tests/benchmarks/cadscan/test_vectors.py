import numpy as np
import pytest

from benchmarks.cadscan.vectors import lengths


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lengths__numpys_own_to_the_last_bit(dtype: type) -> None:
    vectors = np.random.default_rng(0).normal(0, 100, (1001, 3)).astype(dtype)
    np.testing.assert_array_equal(lengths(vectors), np.linalg.norm(vectors, axis=1))
    assert lengths(vectors).dtype == dtype
