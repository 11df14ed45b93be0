"""Motions against the matrix exponential, and against themselves the other way round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from modmap.alignment.motion import cross, degrees_of, difference, dot, inverse, length, motion_of, moved

STEPS = st.lists(st.floats(-1.0, 1.0), min_size=6, max_size=6).map(np.array)


class TestMotionOf:
    @given(STEPS)
    def test_motion_of__matrix_exponential_about_a_point(self, step: np.ndarray) -> None:
        about = np.array([3.0, -2.0, 5.0])
        x, y, z = step[:3]
        turn = expm(np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]))
        motion = motion_of(step, about=about)
        point = np.array([[1.0, 2.0, 3.0]])
        expected = turn @ (point[0] - about) + about + step[3:]
        np.testing.assert_allclose(moved(motion, point)[0], expected, atol=1e-9)

    @given(STEPS)
    def test_inverse__carries_back(self, step: np.ndarray) -> None:
        motion = motion_of(step, about=np.ones(3))
        np.testing.assert_allclose(inverse(motion) @ motion, np.eye(4), atol=1e-12)


class TestDifference:
    def test_difference__of_a_turn_and_a_shift(self) -> None:
        turned = motion_of(np.array([0, 0, np.radians(2.0), 0, 0, 0]), about=np.zeros(3))
        far, angle = difference(turned, np.eye(4), at=np.array([100.0, 0, 0]))
        assert far == pytest.approx(200 * np.sin(np.radians(1.0)))
        assert angle == pytest.approx(2.0)
        shifted = motion_of(np.array([0, 0, 0, 0, 3.0, 4.0]), about=np.zeros(3))
        assert difference(shifted, np.eye(4), at=np.zeros(3)) == pytest.approx((5.0, 0.0))
        assert degrees_of(np.eye(4)) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products__numpys_own(dtype: type) -> None:
    one, other = np.random.default_rng(0).normal(0, 100, (2, 1001, 3)).astype(dtype)
    np.testing.assert_array_equal(cross(one, other), np.cross(one, other))
    assert cross(one, other).dtype == dtype
    close = {"rtol": 1e-4 if dtype is np.float32 else 1e-12, "atol": 1e-2 if dtype is np.float32 else 1e-9}
    np.testing.assert_allclose(dot(one, other), (one * other).sum(axis=1), **close)
    np.testing.assert_allclose(length(one), np.linalg.norm(one, axis=1), **close)
