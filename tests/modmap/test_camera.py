"""Camera against the formulas of the pinhole model and of OpenCV's documentation."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from modmap.errors import ModMapError
from modmap.scan import Camera
from tests.synthetic_scans import ball_depth, intrinsics, look_at, plane_depth

Array = npt.NDArray[Any]

BARREL = [-0.2, 0.05, 0.001, -0.002, 0.01]
RATIONAL = [0.1, -0.05, 0.0005, 0.0003, 0.01, 0.12, -0.02, 0.003]


def _camera(seed: int = 0, distortion: list[float] | None = None, skew: float = 0.0) -> Camera:
    rng = np.random.default_rng(seed)
    K = np.array([[520.0, skew, 310.2], [0, 511.5, 244.7], [0, 0, 1]])
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(random_state=seed).as_matrix()
    pose[:3, 3] = rng.uniform(-500, 500, 3)
    return Camera(K, pose, size=(640, 480), distortion=None if distortion is None else np.array(distortion))


def _grid(camera: Camera, width: int, height: int) -> Array:
    v, u = np.mgrid[:height, :width]
    return np.stack([u.ravel(), v.ravel()], axis=1)


def _by_hand(camera: Camera, point: Array) -> tuple[float, float, float]:
    """One point through OpenCV's documented model, coefficient by coefficient."""
    x, y, z = camera.T_world_to_camera[:3, :3] @ point + camera.T_world_to_camera[:3, 3]
    x, y = x / z, y / z
    if camera.distortion is not None:
        k1, k2, p1, p2, k3, k4, k5, k6 = [*camera.distortion, 0, 0, 0, 0][:8]
        r2 = x * x + y * y
        radial = (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
        x, y = (
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        )
    u = camera.K[0, 0] * x + camera.K[0, 1] * y + camera.K[0, 2]
    return u, camera.K[1, 1] * y + camera.K[1, 2], z


class TestProject:
    @pytest.mark.parametrize("distortion", [None, BARREL, RATIONAL], ids=["none", "barrel", "rational"])
    def test_project__formula(self, distortion: list[float] | None) -> None:
        camera = _camera(3, distortion)
        rng = np.random.default_rng(1)
        points = camera.back_project(rng.uniform([0, 0], [639, 479], (50, 2)), rng.uniform(200, 2000, 50))
        uv, z = camera.project(points)
        expected = np.array([_by_hand(camera, point) for point in points])
        np.testing.assert_allclose(uv, expected[:, :2], atol=1e-6)
        np.testing.assert_allclose(z, expected[:, 2], rtol=1e-9)

    def test_project__skew(self) -> None:
        camera = _camera(3, skew=4.0)
        point = camera.T_camera_to_world[:3, :3] @ [30.0, -20.0, 400.0] + camera.centre
        np.testing.assert_allclose(camera.project(point[None])[0][0], _by_hand(camera, point)[:2])

    def test_project__opencv_on_undistorted(self) -> None:
        camera = _camera(5)
        points = camera.back_project(np.random.default_rng(0).uniform(0, 400, (100, 2)), np.full(100, 700.0))
        rotation = cv2.Rodrigues(camera.T_world_to_camera[:3, :3])[0]
        expected = cv2.projectPoints(points, rotation, camera.T_world_to_camera[:3, 3], camera.K, None)[0][
            :, 0
        ]
        np.testing.assert_allclose(camera.project(points)[0], expected, atol=1e-6)

    @pytest.mark.parametrize("distortion", [None, BARREL], ids=["none", "barrel"])
    def test_project__behind_is_nan(self, distortion: list[float] | None) -> None:
        camera = Camera(intrinsics(64, 48, focal=50), np.eye(4), distortion=distortion)  # type: ignore[arg-type]
        uv, z = camera.project(np.array([[0, 0, -5.0], [0, 0, 0], [0, 0, 5]]))
        assert np.isnan(uv[:2]).all()
        np.testing.assert_allclose(uv[2], [31.5, 23.5])
        np.testing.assert_array_equal(z, [-5, 0, 5])

    @pytest.mark.parametrize(
        ("distortion", "widest"),
        [
            # r (1 + k r^p) rises up to r = (-(p + 1) k)^(-1/p), and r / (1 + k r^p) up to ((p - 1) k)^(-1/p).
            ([-0.3, 0, 0, 0], 0.9 ** (-1 / 2)),
            ([0, -0.3, 0, 0], 1.5 ** (-1 / 4)),
            ([0, 0, 0, 0, -0.3], 2.1 ** (-1 / 6)),
            ([0, 0, 0, 0, 0, 0.3, 0, 0], 0.3 ** (-1 / 2)),
            ([0, 0, 0, 0, 0, 0, 0.3, 0], 0.9 ** (-1 / 4)),
            ([0, 0, 0, 0, 0, 0, 0, 0.3], 1.5 ** (-1 / 6)),
        ],
    )
    def test_project__folded_back_is_nan(self, distortion: list[float], widest: float) -> None:
        camera = Camera(intrinsics(64, 48, focal=50), np.eye(4), distortion=np.array(distortion))
        radii = widest * np.array([0.5, 0.99, 1.01, 1.5, 3.0])
        uv, _ = camera.project(np.stack([radii * 7, np.zeros(5), np.full(5, 7.0)], axis=1))
        np.testing.assert_array_equal(np.isnan(uv[:, 0]), [False, False, True, True, True])


class TestBackProject:
    @settings(max_examples=60, deadline=None)
    @given(
        seed=st.integers(0, 1000),
        u=st.floats(-0.5, 639.5),
        v=st.floats(-0.5, 479.5),
        z=st.floats(1, 1e5),
        distortion=st.sampled_from([None, BARREL, RATIONAL]),
        skew=st.sampled_from([0.0, 3.0]),
    )
    def test_back_project__round_trip(
        self, seed: int, u: float, v: float, z: float, distortion: list[float] | None, skew: float
    ) -> None:
        # OpenCV's distortion functions know no skew.
        camera = _camera(seed, distortion, skew if distortion is None else 0.0)
        uv, depth = camera.project(camera.back_project(np.array([[u, v]]), np.array([z])))
        np.testing.assert_allclose(uv, [[u, v]], atol=1e-5)
        np.testing.assert_allclose(depth, [z], rtol=1e-9, atol=1e-9)

    def test_back_project__ball(self) -> None:
        centre, radius = np.array([20.0, -30.0, 40.0]), 55.0
        camera = Camera(intrinsics(80, 60, focal=70), look_at(np.array([250.0, 180.0, 120.0]), centre))
        depth = ball_depth(camera, 80, 60, centre=centre, radius=radius)
        assert 300 < (depth > 0).sum() < 80 * 60
        points = camera.back_project(_grid(camera, 80, 60)[depth.ravel() > 0], depth[depth > 0])
        np.testing.assert_allclose(np.linalg.norm(points - centre, axis=1), radius, atol=1e-3)

    def test_back_project__plane(self) -> None:
        normal = np.array([0.2, -0.1, 0.97]) / np.linalg.norm([0.2, -0.1, 0.97])
        camera = Camera(intrinsics(80, 60, focal=70), look_at(np.array([100.0, 50.0, 400.0]), np.zeros(3)))
        depth = plane_depth(camera, 80, 60, normal=normal, offset=12.0)
        assert (depth > 0).all()
        points = camera.back_project(_grid(camera, 80, 60), depth.ravel())
        np.testing.assert_allclose(points @ normal, 12.0, atol=1e-3)

    def test_back_project__empty(self) -> None:
        for distortion in (None, BARREL):
            assert _camera(0, distortion).back_project(np.zeros((0, 2)), np.zeros(0)).shape == (0, 3)
            assert _camera(0, distortion).project(np.zeros((0, 3)))[0].shape == (0, 2)


class TestPose:
    def test_pose__inverse_and_centre(self) -> None:
        camera = _camera(7)
        np.testing.assert_allclose(
            camera.T_camera_to_world, np.linalg.inv(camera.T_world_to_camera), atol=1e-9
        )
        np.testing.assert_allclose(camera.T_world_to_camera @ [*camera.centre, 1], [0, 0, 0, 1], atol=1e-9)

    def test_pose__from_camera_to_world(self) -> None:
        camera = _camera(7, BARREL)
        other = Camera.from_camera_to_world(
            camera.K, np.linalg.inv(camera.T_world_to_camera), size=camera.size, distortion=camera.distortion
        )
        np.testing.assert_allclose(other.T_world_to_camera, camera.T_world_to_camera, atol=1e-9)
        np.testing.assert_array_equal(other.distortion, camera.distortion)
        assert other.size == (640, 480)


class TestResized:
    def test_resized__corners_stay_corners(self) -> None:
        # Pixel centres are whole numbers, so an image reaches from -0.5 to size - 0.5.
        camera = _camera(2)
        small = camera.resized(160, 240)
        corners = np.array([[-0.5, -0.5], [639.5, 479.5], [-0.5, 479.5]])
        points = camera.back_project(corners, np.full(3, 500.0))
        np.testing.assert_allclose(
            small.project(points)[0], [[-0.5, -0.5], [159.5, 239.5], [-0.5, 239.5]], atol=1e-9
        )
        assert small.size == (160, 240)

    def test_resized__plane_seen_at_half_size(self) -> None:
        # On a plane 1/z is linear in the pixel, so the 2x2 mean of 1/z is 1/z at the middle of the four.
        camera = Camera(
            intrinsics(80, 60, focal=70), look_at(np.array([100.0, 50.0, 400.0]), np.zeros(3)), (80, 60)
        )
        normal = np.array([0.0, 0.3, 0.954])
        full = plane_depth(camera, 80, 60, normal=normal, offset=0.0)
        half = plane_depth(camera.resized(40, 30), 40, 30, normal=normal, offset=0.0)
        expected = 1 / (1 / full).reshape(30, 2, 40, 2).mean(axis=(1, 3))
        np.testing.assert_allclose(half, expected, rtol=1e-5)

    def test_resized__size_unknown(self) -> None:
        with pytest.raises(ModMapError, match="image size it belongs to is not known"):
            Camera(np.eye(3), np.eye(4)).resized(10, 10)


class TestCameraErrors:
    @pytest.mark.parametrize(
        ("K", "pose", "distortion", "message"),
        [
            (np.eye(4), np.eye(4), None, "K: expected a 3x3 matrix"),
            (np.diag([-1.0, 1, 1]), np.eye(4), None, "positive fx and fy"),
            (np.eye(3) * 2, np.eye(4), None, "K: expected"),
            (np.full((3, 3), np.nan), np.eye(4), None, "K: expected finite numbers"),
            (np.eye(3), np.eye(3), None, "T_world_to_camera: expected a 4x4 matrix"),
            (np.eye(3), np.diag([1.0, 1, -1, 1]), None, "det R = -1"),
            (np.eye(3), np.diag([1.1, 1, 1, 1]), None, r"\|R R\^T - 1\| = 0.21"),
            (np.eye(3), np.eye(4)[[0, 1, 2, 2]], None, "last row"),
            (np.eye(3), np.diag([np.inf, 1, 1, 1]), None, "T_world_to_camera: expected finite"),
            (np.eye(3), np.eye(4), np.zeros(3), "distortion: expected 4, 5, 8, 12, 14"),
            (np.eye(3), np.eye(4), np.full(5, np.nan), "distortion: expected"),
            (np.eye(3) + np.eye(3, k=1), np.eye(4), np.full(4, 0.1), "K: expected"),
            (np.array([[1.0, 2, 0], [0, 1, 0], [0, 0, 1]]), np.eye(4), np.full(4, 0.1), "expected no skew"),
            ([["a"]], np.eye(4), None, "K: expected numbers"),
            ([[1, 2], [3]], np.eye(4), None, "K: expected numbers"),
        ],
    )
    def test_init__bad(self, K: Any, pose: Any, distortion: Any, message: str) -> None:
        with pytest.raises(ModMapError, match=message) as raised:
            Camera(K, pose, distortion=distortion)
        assert "\n" not in str(raised.value)

    def test_pose__products_that_overflow_are_no_rotation(self) -> None:
        """Of such numbers R R^T is infinite, or no number, which is not more than any bound."""
        for numbers in ([1e200, 1e200], [1e200, -1e200]):
            pose = np.eye(4)
            pose[0, :2], pose[1, :2] = numbers, numbers[::-1]
            with pytest.raises(ModMapError, match="expected a rotation"):
                Camera(np.diag([100.0, 100.0, 1.0]), pose)

    def test_from_camera_to_world__names_what_was_given(self) -> None:
        with pytest.raises(ModMapError, match="T_camera_to_world: expected a rotation"):
            Camera.from_camera_to_world(np.eye(3), np.diag([2.0, 1, 1, 1]))

    def test_init__zero_distortion_is_none(self) -> None:
        assert Camera(np.eye(3), np.eye(4), distortion=np.zeros((1, 5))).distortion is None
