"""The background plane against planes and bumps in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modmap.datasets.background_plane import without_background_plane


class TestWithoutBackgroundPlane:
    @settings(max_examples=30, deadline=None)
    @given(
        tilt=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)),
        height=st.floats(0.02, 0.3),
        outliers=st.floats(0, 0.2),
    )
    def test_plane__goes_and_what_stands_on_it_stays(
        self, tilt: tuple[float, float], height: float, outliers: float
    ) -> None:
        rng = np.random.default_rng(0)
        v, u = np.mgrid[0:60, 0:80]
        plane = 500 / (1 + tilt[0] * (u - 40) / 80 + tilt[1] * (v - 30) / 60)
        noisy = plane * (1 + rng.normal(0, 5e-4, plane.shape))
        part = np.zeros(plane.shape, bool)
        part[20:40, 25:55] = True
        depth = np.where(part, plane * (1 - height), noisy).astype(np.float32)
        wild = (rng.random(plane.shape) < outliers) & ~part
        depth[wild] = rng.uniform(100, 300, int(wild.sum()))
        depth[5:9, 5:9] = 0
        found = without_background_plane(depth)
        np.testing.assert_array_equal(found[part], depth[part])
        assert not found[~part & ~wild].any()

    def test_plane__none_on_the_border(self) -> None:
        depth = np.random.default_rng(0).uniform(100, 900, (60, 80)).astype(np.float32)
        assert without_background_plane(depth) is depth

    @pytest.mark.parametrize("value", [0.0, 7.0])
    def test_plane__nothing_measured_on_the_border(self, value: float) -> None:
        depth = np.zeros((60, 80), np.float32)
        depth[20:30, 20:30] = value
        assert without_background_plane(depth) is depth
