"""The surface of a view against the closed form of a ball and a plane."""

from __future__ import annotations

import numpy as np

from modmap.alignment.surface import pixel_rays, view_surface
from modmap.scan import Frame
from tests.modmap.alignment.blobs import HEIGHT, WIDTH, overhead, ring, surfaces
from tests.synthetic_scans import plane_depth


class TestViewSurface:
    def test_view_surface__ball(self) -> None:
        ball = (((5.0, -3.0, 2.0), 40.0),)
        for surface in surfaces(ring(3), balls=ball).values():
            smooth = surface.smooth
            outward = (surface.points[smooth] - np.array(ball[0][0])) / ball[0][1]
            np.testing.assert_allclose(np.linalg.norm(outward, axis=1), 1, atol=1e-4)
            assert np.median(np.linalg.norm(surface.normals[smooth] - outward, axis=1)) < 0.005
            assert (np.linalg.norm(surface.normals[smooth] - outward, axis=1) < 0.15).all()
            towards = surface.camera.centre - surface.points[smooth]
            towards /= np.linalg.norm(towards, axis=1, keepdims=True)
            cosine = (surface.normals[smooth] * towards).sum(axis=1)
            np.testing.assert_allclose(cosine, surface.cosine[smooth], atol=1e-4)
            assert (cosine > 0).all()

    def test_view_surface__plane_has_one_normal(self) -> None:
        camera, normal = ring(1)[0], np.array([0.1, 0.2, 0.97])
        normal /= np.linalg.norm(normal)
        depth = plane_depth(camera, WIDTH, HEIGHT, normal=normal, offset=1.0)
        frame = Frame("00", np.zeros(depth.shape, np.uint8), depth, camera)
        surface = view_surface(frame, depth > 0)
        np.testing.assert_allclose(
            surface.normals[1:-1, 1:-1], np.broadcast_to(normal, (148, 198, 3)), atol=1e-3
        )
        assert not surface.smooth[0].any()
        assert not surface.smooth[:, -1].any()

    def test_view_surface__no_normal_beside_a_jump_or_a_hole(self) -> None:
        camera = overhead()
        depth = np.full((HEIGHT, WIDTH), 300.0, np.float32)
        depth[:, 100:] = 280
        depth[40, 40] = 0
        surface = view_surface(Frame("00", np.zeros(depth.shape, np.uint8), depth, camera), depth > 0)
        assert not surface.smooth[10, 99:101].any()
        assert not surface.smooth[[39, 41, 40, 40], [40, 40, 39, 41]].any()
        assert surface.smooth[10, 90]
        assert surface.smooth[10, 110]

    def test_pixel_rays__carry_a_pixel_to_its_depth(self) -> None:
        camera = ring(2)[1]
        local = pixel_rays(camera, (HEIGHT, WIDTH))[20, 30] * 250.0
        world = camera.T_camera_to_world[:3, :3] @ local + camera.centre
        np.testing.assert_allclose(
            world, camera.back_project(np.array([[30, 20]]), np.array([250.0]))[0], atol=1e-3
        )
