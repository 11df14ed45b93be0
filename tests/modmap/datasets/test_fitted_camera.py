"""The camera of an organised cloud, found again from points that a known camera sees; none where there is none."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from modmap.datasets.fitted_camera import LARGEST_RESIDUAL, fit_camera

Array = npt.NDArray[Any]

HEIGHT, WIDTH = 120, 160
K = np.array([[900.0, 0, 30.5], [0, 910.0, 70.25], [0, 0, 1]])


def cloud(*, lens: Array | None = None, holes: bool = True) -> Array:
    """(H, W, 3) points of a wavy sheet, each exactly in its pixel's line of sight; mm."""
    v, u = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    rays = cv2.undistortPoints(
        np.stack([u, v], axis=-1).reshape(-1, 1, 2),
        K,
        lens,
        R=None,
        P=None,
    )[:, 0]
    z = 600 + 20 * np.sin(u / 15) * np.cos(v / 9)
    x, y = rays.T.reshape(2, HEIGHT, WIDTH)
    points = np.stack([x * z, y * z, z], axis=-1)
    if holes:
        points[::3, ::4] = 0
        points[5, 5] = np.nan
    return points


class TestFitCamera:
    def test_fit_camera__a_pinhole_is_found_again(self) -> None:
        fitted = fit_camera(cloud().astype(np.float32))
        assert fitted is not None
        np.testing.assert_allclose(fitted.camera.K, K, atol=0.01)
        assert fitted.camera.distortion is None
        assert fitted.camera.size == (WIDTH, HEIGHT)
        np.testing.assert_array_equal(fitted.camera.T_world_to_camera, np.eye(4))
        assert fitted.residual < 0.001
        assert fitted.pixel == pytest.approx(600 / 900, rel=0.02)

    def test_fit_camera__and_its_lens(self) -> None:
        lens = np.array([-2.0, 0, 0.004, -0.003])  # some pixels at the corners
        points = cloud(lens=lens)
        fitted = fit_camera(points)
        assert fitted is not None
        assert fitted.camera.distortion is not None
        assert fitted.residual < 0.02
        measured = np.nan_to_num(points[..., 2]) > 0
        v, u = np.nonzero(measured)
        back = fitted.camera.back_project(np.stack([u, v], axis=1), points[measured][:, 2])
        assert np.abs(back - points[measured]).max() < 0.05
        assert "with a lens of focal length" in str(fitted)

    def test_fit_camera__noise_is_the_residual(self) -> None:
        points = cloud()
        noise = np.random.default_rng(0).normal(0, 0.2, points.shape[:2])  # mm along x
        points[..., 0] += np.where(points[..., 2] > 0, noise, 0)
        fitted = fit_camera(points)
        assert fitted is not None
        assert fitted.residual == pytest.approx(0.2 / fitted.pixel, rel=0.05)
        assert fitted.fits

    def test_fit_camera__points_of_no_pinhole_do_not_fit(self) -> None:
        points = cloud()
        points[..., :2] *= points[..., 2:] / 600  # parallel rays
        points[..., 2] += 100 * (points[..., 2] > 0) * (np.arange(WIDTH) > 80)
        fitted = fit_camera(points)
        assert fitted is not None
        assert fitted.residual > LARGEST_RESIDUAL
        assert not fitted.fits

    def test_fit_camera__too_little_to_fit(self) -> None:
        assert fit_camera(np.zeros((40, 50, 3))) is None
        one_ray = np.tile(np.array([10.0, 20.0, 600.0]), (40, 50, 1))
        assert fit_camera(one_ray) is None
        mirrored = cloud(holes=False)[:, ::-1]
        assert fit_camera(mirrored) is None
