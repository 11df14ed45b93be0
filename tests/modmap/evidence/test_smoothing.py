"""Averages over known pixels."""

from __future__ import annotations

import numpy as np

from modmap.evidence.smoothing import sigmas, smoothed


class TestSmoothed:
    def test_smoothed__leaves_a_constant_as_it_is_around_holes(self) -> None:
        values = np.full((30, 40), 0.7, dtype=np.float32)
        values[10:12, 20:23] = np.nan
        found = smoothed(values, 2.0)
        np.testing.assert_array_equal(np.isnan(found[5:25, 5:35]), np.isnan(values[5:25, 5:35]))
        np.testing.assert_allclose(found[np.isfinite(found)], 0.7, atol=1e-6)

    def test_smoothed__is_the_weighted_mean_of_what_is_known(self) -> None:
        rng = np.random.default_rng(0)
        values = rng.standard_normal((25, 25)).astype(np.float32)
        values[rng.random((25, 25)) < 0.2] = np.nan
        values[12, 12] = 1
        rows, columns = np.mgrid[:25, :25] - 12
        weight = np.exp(-(rows**2 + columns**2) / (2 * 1.5**2)) * np.isfinite(values)
        weight[np.maximum(abs(rows), abs(columns)) > 6] = 0  # as wide as OpenCV makes its Gaussian
        expected = (weight * np.nan_to_num(values)).sum() / weight.sum()
        assert abs(smoothed(values, 1.5)[12, 12] - expected) < 1e-3

    def test_smoothed__a_lone_pixel_is_left_out(self) -> None:
        values = np.full((20, 20), np.nan, dtype=np.float32)
        values[10, 10] = 5
        assert np.isnan(smoothed(values, 1.5)).all()


class TestSigmas:
    def test_sigmas__grow_with_the_view(self) -> None:
        assert sigmas((1.5, 3.0, 6.0), 1024) == (1.5, 3.0, 6.0)
        assert sigmas((1.5, 3.0, 6.0), 512) == (0.75, 1.5, 3.0)
        assert sigmas((1.5,), 128) == (0.5,)
