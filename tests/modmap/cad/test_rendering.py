"""What cameras see of meshes, against closed forms of balls and boxes."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from modmap.cad.mesh import Mesh
from modmap.cad.rendering import BACKGROUND, FACING, Renderer, small_camera
from modmap.scan import Camera
from tests.modmap.cad.parts import HEIGHT, WIDTH, balls_depth, balls_mesh, cameras
from tests.synthetic_scans import Array, intrinsics, look_at, plane_depth, rays

SHAPE = (HEIGHT, WIDTH)


def _renderer(mesh: trimesh.Trimesh) -> Renderer:
    return Renderer(Mesh(np.asarray(mesh.vertices), np.asarray(mesh.faces)))


def _away_from_edges(depth: Array, *, step: float) -> Array:
    """(H, W) bool: pixels whose neighbours lie at nearly the same depth."""
    near = depth > 0
    for axis in (0, 1):
        for way in (1, -1):
            near &= np.abs(np.roll(depth, way, axis=axis) - depth) < step
    return near


class TestRenderer:
    def test_seen__balls(self) -> None:
        renderer = _renderer(balls_mesh())
        for camera in cameras():
            depth, cosine = renderer.seen(camera, SHAPE, np.eye(4))
            exact = balls_depth(camera)
            assert np.mean((depth > 0) != (exact > 0)) < 0.002
            inner = _away_from_edges(exact, step=4.0)
            assert inner.mean() > 0.05
            # A triangle of the sphere lies at most this far within it where it is looked at steeply.
            np.testing.assert_allclose(depth[inner], exact[inner], atol=0.25)
            assert cosine[depth > 0].min() >= 0
            assert cosine.max() == pytest.approx(1, abs=0.01)
            assert not cosine[depth == 0].any()

    def test_seen__a_box_from_above(self) -> None:
        """Its top is a plane: exact to the last digits of float32, and so is the cosine of incidence."""
        box = trimesh.creation.box((60, 40, 20))
        camera = Camera(
            intrinsics(WIDTH, HEIGHT, focal=90.0), look_at(np.array([30.0, -40.0, 200.0]), np.zeros(3))
        )
        depth, cosine = _renderer(box).seen(camera, SHAPE, np.eye(4))
        exact = plane_depth(camera, WIDTH, HEIGHT, normal=np.array([0.0, 0.0, 1.0]), offset=10.0)
        origin, directions = rays(camera, WIDTH, HEIGHT)
        place = origin + exact[..., None] * directions
        top = (np.abs(place[..., 0]) < 29.9) & (np.abs(place[..., 1]) < 19.9)
        assert top.sum() > 100
        np.testing.assert_allclose(depth[top], exact[top], rtol=1e-5)
        incidence = -directions[..., 2] / np.linalg.norm(directions, axis=-1)
        np.testing.assert_allclose(cosine[top], incidence[top], atol=1e-5)

    def test_seen__where_the_part_was_laid(self) -> None:
        """Laid elsewhere, a part is seen as one that is drawn there."""
        motion = trimesh.transformations.rotation_matrix(0.7, [1, 2, 3], [10, 0, -5])
        camera = cameras()[0]
        laid, _ = _renderer(balls_mesh()).seen(camera, SHAPE, motion)
        drawn, _ = _renderer(balls_mesh(motion)).seen(camera, SHAPE, np.eye(4))
        inner = _away_from_edges(drawn, step=4.0)
        np.testing.assert_allclose(laid[inner], drawn[inner], atol=0.02)

    def test_seen__through_a_lens(self) -> None:
        """A point of the surface is projected, lens and all, to the pixel that shows it."""
        plain = cameras()[0]
        bent = Camera(
            plain.K, plain.T_world_to_camera, size=plain.size, distortion=np.array([-0.3, 0.1, 0.01, 0])
        )
        depth, _ = _renderer(balls_mesh()).seen(bent, SHAPE, np.eye(4))
        rows, columns = np.nonzero(depth)
        pixels = np.stack([columns, rows], axis=1).astype(float)
        points = bent.back_project(pixels, depth[rows, columns])
        distance = [np.abs(np.linalg.norm(points - middle, axis=1) - radius) for middle, radius in _balls()]
        assert np.min(distance, axis=0).max() < 0.3
        straight, _ = _renderer(balls_mesh()).seen(plain, SHAPE, np.eye(4))
        assert np.mean((straight > 0) != (depth > 0)) > 0.002

    def test_frame__is_lightest_where_it_faces_the_camera(self) -> None:
        frame = _renderer(balls_mesh()).frame("07", cameras()[0], SHAPE, np.eye(4))
        assert frame.id == "07"
        assert frame.image.dtype == np.uint8
        assert (frame.image[frame.depth == 0] == BACKGROUND).all()
        assert frame.image.max() == pytest.approx(FACING, abs=2)


class TestSmallCamera:
    def test_small__sees_the_same(self) -> None:
        camera, shape = small_camera(cameras()[0], SHAPE, longest=48)
        assert shape == (36, 48)
        large, small = (
            cameras()[0].project(np.array([[5.0, 6.0, 7.0]]))[0],
            camera.project(np.array([[5.0, 6.0, 7.0]]))[0],
        )
        np.testing.assert_allclose((small + 0.5) * 2, large + 0.5)


def _balls() -> list[tuple[Array, float]]:
    from tests.modmap.cad.parts import BALLS

    return [(np.array(middle), radius) for middle, radius in BALLS]
