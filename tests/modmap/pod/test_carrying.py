"""Defects carried into views, against rays that meet a bulged plane in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modmap.alignment.surface import view_surface
from modmap.camera import Camera
from modmap.pod.carrying import Placed, carried
from modmap.pod.relief import Relief
from modmap.pod.sensor import Losses
from modmap.pod.shading import Shading
from modmap.pod.shapes import KINDS, Kind, Shape
from modmap.scan import Frame
from modmap.types import Array
from tests.synthetic_scans import intrinsics, look_at, plane_depth, rays

WIDTH, HEIGHT = 160, 120
UP = np.array([0, 0, 1.0])
KEEPS_ALL = Losses(grazing=0.0, jumps=False, glare=False)
NO_LIGHT = Shading(np.zeros(0), 0.0, 0.0)


def camera_at(*place: float) -> Camera:
    up = (0.0, 1.0, 0.0) if place[:2] == (0.0, 0.0) else (0.0, 0.0, 1.0)
    K = intrinsics(WIDTH, HEIGHT, focal=400.0)
    return Camera(K, look_at(np.array(place), np.zeros(3), up=up), size=(WIDTH, HEIGHT))


def plane_frame(camera: Camera, *, noise: float = 0.0) -> Frame:
    depth = plane_depth(camera, WIDTH, HEIGHT, normal=UP, offset=0.0)
    depth += np.random.default_rng(0).normal(0, noise, depth.shape).astype(np.float32)
    return Frame("00", np.full((HEIGHT, WIDTH), 100, np.uint8), depth, camera)


def placed(shape: Shape, *frames: Frame) -> Placed:
    part = {str(index): view_surface(frame, frame.depth > 0) for index, frame in enumerate(frames)}
    relief = Relief.around(np.zeros(3), UP, part, reach=1.6 * shape.radius + shape.rises + 2)
    assert relief is not None
    return Placed(shape, relief)


def bulged_depth(camera: Camera, radius: float, height: float) -> Array:
    """(H, W) planar depth of the plane z = 0 with the cap z = height (1 - r2 / radius2) on it."""
    origin, ways = rays(camera, WIDTH, HEIGHT)
    scale = height / radius**2
    a = scale * (ways[..., 0] ** 2 + ways[..., 1] ** 2)
    b = 2 * scale * (origin[0] * ways[..., 0] + origin[1] * ways[..., 1]) + ways[..., 2]
    c = scale * (origin[0] ** 2 + origin[1] ** 2) + origin[2] - height
    root = np.sqrt(np.maximum(b**2 - 4 * a * c, 0))
    nearest = np.full(a.shape, np.inf)
    for sign in (-1, 1):
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(a > 1e-12, (-b + sign * root) / (2 * a), -c / b)
        place = origin + t[..., None] * ways
        on = (b**2 >= 4 * a * c) & ((place[..., :2] ** 2).sum(axis=2) < radius**2) & (t > 0)
        nearest = np.where(on, np.minimum(nearest, t), nearest)
    plane = plane_depth(camera, WIDTH, HEIGHT, normal=UP, offset=0.0)
    return np.where(np.isfinite(nearest), nearest, plane)


class TestCarried:
    @pytest.mark.parametrize("place", [(0.0, 0.0, 300.0), (150.0, 0.0, 250.0), (260.0, 40.0, 150.0)])
    @pytest.mark.parametrize("height", [4.0, 1.0])
    def test_carried__a_bump_lies_where_rays_meet_it(
        self, place: tuple[float, float, float], height: float
    ) -> None:
        frame = plane_frame(camera_at(*place))
        found = carried(frame, placed(Shape("bump", 24.0, height), frame), look=NO_LIGHT, losses=KEEPS_ALL)
        expected = bulged_depth(camera_at(*place), 12.0, height)
        off = np.abs(found.depth - expected)
        # A pixel on the outline shows either side of it.
        assert np.quantile(off, 0.999) < 0.05
        assert np.mean(np.abs(expected - frame.depth) > 0.05) > 0.01

    def test_carried__every_pixel_keeps_its_noise(self) -> None:
        camera = camera_at(150.0, 0.0, 250.0)
        clean, noisy = plane_frame(camera), plane_frame(camera, noise=0.1)
        dent = placed(Shape("dent", 20.0, 2.0), clean)
        moved = [carried(one, dent, look=NO_LIGHT, losses=KEEPS_ALL).depth for one in (clean, noisy)]
        assert np.abs((moved[1] - moved[0]) - (noisy.depth - clean.depth)).max() < 1e-4
        assert (moved[0] - clean.depth).max() > 1.5

    def test_carried__what_stands_before_it_hides_it(self) -> None:
        frame = plane_frame(camera_at(0.0, 0.0, 300.0))
        hidden = frame.depth.copy()
        hidden[:, WIDTH // 2 :] -= 50
        before = replace(frame, depth=hidden)
        found = carried(before, placed(Shape("dent", 20.0, 2.0), frame), look=NO_LIGHT, losses=KEEPS_ALL)
        assert (found.depth[:, WIDTH // 2 :] == hidden[:, WIDTH // 2 :]).all()
        assert (found.depth[:, : WIDTH // 2] != hidden[:, : WIDTH // 2]).any()

    def test_carried__a_bump_hides_what_lies_behind_it(self) -> None:
        camera = camera_at(280.0, 0.0, 60.0)
        frame = plane_frame(camera)
        bump = placed(Shape("bump", 30.0, 4.0), frame)
        # Of a part that ends behind the bump, a wall is seen far off.
        beyond = replace(
            frame,
            depth=np.where(
                frame.points(frame.depth > 0)[:, 0].reshape(frame.shape) < -5, 400, frame.depth
            ).astype(np.float32),
        )
        found = carried(beyond, bump, look=NO_LIGHT, losses=KEEPS_ALL)
        hides = (beyond.depth == 400) & (found.depth < 300)
        assert hides.any()

    @pytest.mark.parametrize("kind", KINDS)
    def test_carried__size_0_changes_nothing(self, kind: Kind) -> None:
        frame = plane_frame(camera_at(0.0, 0.0, 300.0), noise=0.1)
        nothing = placed(Shape.drawn(kind, 0.0, np.random.default_rng(0)), frame)
        found = carried(frame, nothing, look=NO_LIGHT, losses=KEEPS_ALL)
        assert (found.depth == frame.depth).all()
        assert (found.image == frame.image).all()

    def test_carried__from_behind_nothing_is_seen(self) -> None:
        frame = plane_frame(camera_at(0.0, 0.0, 300.0))
        dent = placed(Shape("dent", 20.0, 2.0), frame)
        below = plane_frame(camera_at(0.0, 0.0, -300.0))
        assert carried(below, dent, look=NO_LIGHT, losses=KEEPS_ALL) is below

    def test_carried__a_stain_is_as_dark_as_it_says(self) -> None:
        frame = plane_frame(camera_at(0.0, 0.0, 300.0))
        stain = placed(Shape("stain", 30.0, 0.5, gray=0.5), frame)
        found = carried(frame, stain, look=NO_LIGHT, losses=KEEPS_ALL)
        assert (found.depth == frame.depth).all()
        assert found.image[HEIGHT // 2, WIDTH // 2] == 50
        assert found.image[5, 5] == 100

    def test_carried__a_sensor_that_loses_steep_surface_loses_a_bores_wall(self) -> None:
        frame = plane_frame(camera_at(120.0, 0.0, 270.0))
        hole = placed(Shape("hole", 20.0, 20.0), frame)
        kept, lost = (
            carried(frame, hole, look=NO_LIGHT, losses=Losses(grazing=limit, jumps=False, glare=False)).depth
            for limit in (0.0, 0.5)
        )
        assert (kept > 0).all()
        assert ((lost == 0) & (kept != frame.depth)).any()
        assert (lost[kept == frame.depth] > 0).all()

    def test_carried__no_jump_stays_measured_where_the_sensor_measures_none(self) -> None:
        frame = plane_frame(camera_at(150.0, 0.0, 250.0))
        hole = placed(Shape("hole", 16.0, 20.0), frame)
        kept, lost = (
            carried(frame, hole, look=NO_LIGHT, losses=Losses(grazing=0.0, jumps=jumps, glare=False)).depth
            for jumps in (False, True)
        )
        assert (kept > 0).all()
        assert (lost == 0).any()


class TestShading:
    def test_of__a_ball_lit_from_the_side(self) -> None:
        """The ratio of two gray levels is that of the cosines to the light that painted the ball."""
        from tests.synthetic_scans import ball_scan

        light = np.array([0.6, 0.3, 0.74])
        frames, part = {}, {}
        for view in ball_scan(views=6, width=120, height=90).views:
            frame = view.load()
            surface = view_surface(frame, frame.depth > 0)
            level = 20 + 200 * np.exp(surface.normals @ light - 1)
            frames[frame.id] = replace(frame, image=np.where(surface.cosine > 0, level, 0).astype(np.uint8))
            part[frame.id] = surface
        look = Shading.of(frames, part)
        assert look.explained > 0.95
        surface = part["00"]
        normals = surface.normals[surface.cosine > 0.6][::7].astype(np.float64)
        points = surface.points[surface.cosine > 0.6][::7].astype(np.float64)
        turned = normals + np.array([0.0, 0.15, 0.1])
        turned /= np.linalg.norm(turned, axis=1, keepdims=True)
        centre, rotation = surface.camera.centre, surface.camera.T_world_to_camera[:3, :3]
        found = look.ratio(normals, turned, points, centre=centre, rotation=rotation)
        true = (20 + 200 * np.exp(turned @ light - 1)) / (20 + 200 * np.exp(normals @ light - 1))
        assert np.median(np.abs(found / true - 1)) < 0.05
        assert np.corrcoef(np.log(found), np.log(true))[0, 1] > 0.8
