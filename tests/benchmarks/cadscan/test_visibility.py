import numpy as np

from benchmarks.cadscan.part import Part
from benchmarks.cadscan.render import Caster
from benchmarks.cadscan.views import binned_intrinsics, look_at
from benchmarks.cadscan.visibility import visible_pixels
from modmap.scan import Camera

SIZE = (320, 240)


def depth_of(part: Part, camera: Camera) -> np.ndarray:
    v, u = np.mgrid[0 : SIZE[1], 0 : SIZE[0]].reshape(2, -1)
    ends = camera.back_project(np.stack([u, v], axis=1), np.ones(len(u)))
    return Caster(part.vertices, part.faces).cast(camera.centre, ends - camera.centre).t.reshape(SIZE[::-1])


def disc(radius: float, height: float, spacing: float = 0.5) -> np.ndarray:
    x, y = np.meshgrid(np.arange(-radius, radius, spacing), np.arange(-radius, radius, spacing))
    inside = np.hypot(x, y) <= radius
    return np.stack([x[inside], y[inside], np.full(inside.sum(), height)], axis=1)


class TestVisiblePixels:
    def camera(self) -> Camera:
        return Camera(binned_intrinsics(SIZE), look_at(np.array([0.01, 0, 240.0]), np.zeros(3)), size=SIZE)

    def test_visible_pixels__area_of_a_disc(self, cube: Part) -> None:
        camera = self.camera()
        count = visible_pixels(disc(8, 40), depth_of(cube, camera), camera, spacing=0.6)
        assert abs(count - np.pi * 8.4**2 * (camera.K[0, 0] / 200) ** 2) < 0.15 * count

    def test_visible_pixels__hidden_on_the_far_side(self, cube: Part) -> None:
        camera = self.camera()
        assert visible_pixels(disc(8, 0), depth_of(cube, camera), camera, spacing=0.6) == 0

    def test_visible_pixels__vanished_surface_in_the_air(self, cube: Part) -> None:
        camera = self.camera()
        assert visible_pixels(disc(8, 50), depth_of(cube, camera), camera, spacing=0.6) > 200

    def test_visible_pixels__outside_the_image(self, cube: Part) -> None:
        camera = self.camera()
        assert (
            visible_pixels(disc(8, 40) + np.array([900, 0, 0]), depth_of(cube, camera), camera, spacing=0.6)
            == 0
        )
