"""Agreement of views: closed form on planes, brute force on a ball, the published figures on real sensors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from modmap.check.view_agreement import GATE, PairAgreement, compare, neighbours, sampled_points
from modmap.scan import Camera, Frame, Scan, View
from tests.real_scans import amazonbin_scan, sokrates_scan
from tests.synthetic_scans import ball_scan, intrinsics, look_at, plane_depth

Array = npt.NDArray[Any]


def _agreement(scan: Scan) -> tuple[PairAgreement, ...]:
    return compare(scan, {frame.id: sampled_points(frame) for frame in scan.frames()})


def _plane_scan(*, offsets: tuple[float, ...], width: int = 80, height: int = 60) -> Scan:
    """Views of the plane z = 0, each camera's pose wrong by an offset along the plane's normal."""
    K = intrinsics(width, height, focal=float(width))
    views = []
    for index, offset in enumerate(offsets):
        place = np.array([40.0 * index, 10, 400])
        camera = Camera(K, look_at(place, np.array([5.0, 5, 0]), up=(0, 1, 0)), size=(width, height))
        depth = plane_depth(camera, width, height, normal=np.array([0.0, 0, 1]), offset=0.0)
        shifted = Camera(
            K,
            look_at(place + np.array([0, 0, offset]), np.array([5, 5, offset]), up=(0, 1, 0)),
            (width, height),
        )
        views.append(
            View(f"{index:02d}", image=np.zeros((height, width), np.uint8), depth=depth, camera=shifted)
        )
    return Scan("plane", views=views)


def _back_projected(frame: Frame) -> Array:
    assert frame.camera is not None
    inverse_K, inverse_pose = np.linalg.inv(frame.camera.K), np.linalg.inv(frame.camera.T_world_to_camera)
    points = [
        (inverse_pose @ [*(inverse_K @ [u, v, 1] * frame.depth[v, u]), 1])[:3]
        for v in range(frame.shape[0])
        for u in range(frame.shape[1])
        if frame.depth[v, u] > 0
    ]
    return np.array(points)


def _by_brute_force(view: Frame, neighbour: Frame) -> tuple[float, float, float, float]:
    """(seen, agreeing, to surface, to point), point by point."""
    camera = neighbour.camera
    assert camera is not None
    points, surface = _back_projected(view), _back_projected(neighbour)
    seen, to_surface, to_point = 0, [], []
    for point in points:
        x, y, z = camera.K @ (camera.T_world_to_camera @ [*point, 1])[:3]
        u, v = round(float(x / z)), round(float(y / z))
        if not (0 <= u < neighbour.shape[1] and 0 <= v < neighbour.shape[0]) or neighbour.depth[v, u] == 0:
            continue
        seen += 1
        if abs(z - neighbour.depth[v, u]) >= GATE * neighbour.depth[v, u]:
            continue
        distances = np.linalg.norm(surface - point, axis=1)
        patch = surface[np.argsort(distances)[:10]]
        normal = np.linalg.svd(patch - patch.mean(axis=0))[2][2]
        to_surface.append(abs(normal @ (point - patch.mean(axis=0))))
        to_point.append(distances.min())
    return seen / len(points), len(to_point) / seen, float(np.median(to_surface)), float(np.median(to_point))


class TestCompare:
    @pytest.mark.parametrize("offset", [0.0, 1.5, -7.0])
    def test_compare__plane_moved_along_its_normal(self, offset: float) -> None:
        pairs = _agreement(_plane_scan(offsets=(0.0, offset)))
        assert [(pair.view, pair.neighbour) for pair in pairs] == [("00", "01"), ("01", "00")]
        for pair in pairs:
            assert pair.to_surface == pytest.approx(abs(offset), abs=1e-3)
            assert pair.agreeing == 1.0

    def test_compare__ball_by_brute_force(self) -> None:
        scan = ball_scan(views=5, width=40, height=30, radius=70)
        frames = {frame.id: frame for frame in scan.frames()}
        pairs = _agreement(scan)
        assert len(pairs) == 5
        for pair in pairs[:2]:
            expected = _by_brute_force(frames[pair.view], frames[pair.neighbour])
            found = (pair.seen, pair.agreeing, pair.to_surface, pair.to_point)
            np.testing.assert_allclose(found, expected, rtol=1e-6)
            assert pair.angle == pytest.approx(66.15, abs=0.05)

    def test_compare__spacing(self) -> None:
        # Pixels of a plane seen straight on from 400 mm with a focal length of 80 pixels lie 5 mm apart.
        view = _plane_scan(offsets=(0.0,)).views[0]
        camera = Camera(
            intrinsics(80, 60, focal=80), look_at(np.array([0, 0, 400.0]), np.zeros(3), up=(0, 1, 0))
        )
        straight = replace(view, camera=camera, depth=np.full((60, 80), 400.0))
        pair = _agreement(Scan("s", views=[straight, replace(straight, id="01")]))[0]
        assert pair.spacing == pytest.approx(5.0, abs=1e-3)
        assert pair.to_point == pytest.approx(0.0, abs=1e-3)

    def test_compare__beyond_the_gate(self) -> None:
        pair = _agreement(_plane_scan(offsets=(0.0, 60.0)))[0]
        assert pair.agreeing == 0.0
        assert np.isnan(pair.to_surface)

    def test_compare__neighbour_without_depth_or_view_without_camera(self) -> None:
        scan = _plane_scan(offsets=(0.0, 0.0, 0.0))
        blank = replace(scan["01"], depth=np.zeros((60, 80)))
        pairs = _agreement(Scan("s", views=[scan["00"], blank, scan["02"]]))
        assert [(pair.view, pair.neighbour) for pair in pairs] == []
        bare = replace(scan["01"], camera=None)
        pairs = _agreement(Scan("s", views=[scan["00"], bare, scan["02"]]))
        assert [(pair.view, pair.neighbour) for pair in pairs] == [("00", "02"), ("02", "00")]

    @pytest.mark.shared
    def test_compare__sokrates(self) -> None:
        # Measured apart from this code: 0.20 mm point to plane; 0.54 to 0.71 mm to points 0.9 mm apart.
        pairs = _agreement(sokrates_scan().subset(["00", "01", "02", "05", "06"]))
        assert np.median([pair.to_surface for pair in pairs]) == pytest.approx(0.19, abs=0.03)
        assert all(0.45 < pair.to_point < 0.71 for pair in pairs)

    @pytest.mark.shared
    @pytest.mark.parametrize("capture", ["A", "B"])
    def test_compare__amazonbin(self, capture: Any) -> None:
        # Measured apart from this code: adjacent viewpoints 1.2 to 1.8 mm, points 0.7 to 0.8 mm apart.
        pairs = _agreement(amazonbin_scan(capture))
        assert 0.8 < np.median([pair.to_point for pair in pairs]) < 1.8
        assert max(pair.to_point for pair in pairs) < 1.8
        assert all(0.6 < pair.spacing < 0.9 for pair in pairs)


class TestNeighbours:
    def test_neighbours__nearest_centre(self) -> None:
        cameras = [
            Camera(np.eye(3), look_at(np.array([x, 0.0, 9]), np.array([x, 1.0, 0]))) for x in (0, 10, 14, 30)
        ]
        views = [
            View(str(index), image=np.zeros((1, 1), np.uint8), depth=np.zeros((1, 1)), camera=camera)
            for index, camera in enumerate(cameras)
        ]
        assert neighbours(Scan("s", views=views)) == {"0": "1", "1": "2", "2": "1", "3": "2"}
        assert neighbours(Scan("s", views=views[:1])) == {}
        assert neighbours(Scan("s", views=[replace(view, camera=None) for view in views])) == {}


class TestSampledPoints:
    def test_sampled_points__on_the_ball(self) -> None:
        frame = ball_scan(views=1, width=200, height=150)["00"].load()
        points = sampled_points(frame, 500)
        assert 500 <= len(points) < 1000
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), 60, atol=1e-2)
        # Spread over the whole disc, not its first rows.
        assert np.ptp(points[:, 2]) > 100

    def test_sampled_points__all_of_few(self) -> None:
        frame = ball_scan(views=1)["00"].load()
        assert len(sampled_points(frame)) == (frame.depth > 0).sum()

    def test_sampled_points__none(self) -> None:
        frame = ball_scan(views=1)["00"].load()
        assert sampled_points(replace(frame, camera=None)).shape == (0, 3)
        assert sampled_points(replace(frame, depth=frame.depth * 0)).shape == (0, 3)
