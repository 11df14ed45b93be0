import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from benchmarks.cadscan.defects import make_defect
from benchmarks.cadscan.defects.places import Surface
from benchmarks.cadscan.finish import patch_weight
from benchmarks.cadscan.part import Defect, Part, ReflectancePatch
from benchmarks.cadscan.render import Caster
from benchmarks.cadscan.views import binned_intrinsics, look_at, viewpoints
from benchmarks.cadscan.visibility import ENOUGH_PIXELS, PlacedDefect
from modmap.scan import Camera
from tests.benchmarks.cadscan.conftest import part_of

SIZE = (320, 240)
SPACING = 0.6


def depth_of(part: Part, camera: Camera) -> np.ndarray:
    v, u = np.mgrid[0 : SIZE[1], 0 : SIZE[0]].reshape(2, -1)
    ends = camera.back_project(np.stack([u, v], axis=1), np.ones(len(u)))
    return Caster(part.vertices, part.faces).cast(camera.centre, ends - camera.centre).t.reshape(SIZE[::-1])


def disc(radius: float, height: float, spacing: float = 0.5) -> np.ndarray:
    x, y = np.meshgrid(np.arange(-radius, radius, spacing), np.arange(-radius, radius, spacing))
    inside = np.hypot(x, y) <= radius
    return np.stack([x[inside], y[inside], np.full(inside.sum(), height)], axis=1)


def mark(part: Part, points: np.ndarray, path: np.ndarray, *, radius: float) -> Defect:
    """Sharply bounded other reflectance within `radius` of a path."""
    patch = ReflectancePatch("dust", path, radius, 0.0, 0.5, 0.0, seed=0)
    return Defect("stain", path[0], 2 * radius, 0.0, "image", points, before=part, patch=patch)


def placed(defect: Defect, part: Part, *, pose: np.ndarray | None = None) -> PlacedDefect:
    return PlacedDefect.of(defect, part, T_part_to_world=np.eye(4) if pose is None else pose, spacing=SPACING)


@pytest.fixture(scope="module")
def camera() -> Camera:
    """200 mm above the top of the cube."""
    return Camera(binned_intrinsics(SIZE), look_at(np.array([0.01, 0, 240.0]), np.zeros(3)), size=SIZE)


class TestVisiblePixels:
    def test_visible_pixels__area_of_a_disc(self, cube: Part, camera: Camera) -> None:
        seen = placed(mark(cube, disc(8, 40), np.array([[0, 0, 40.0]]), radius=8), cube)
        count = seen.visible_pixels(depth_of(cube, camera), camera)
        assert count == pytest.approx(np.pi * 8**2 * (camera.K[0, 0] / 200) ** 2, rel=0.03)

    def test_visible_pixels__a_thin_line_is_not_widened(self, cube: Part, camera: Camera) -> None:
        """A line of 0.1 x 24 mm has the area of five pixels, the strip within a sample's spacing that of sixty."""
        path = np.array([[-12.0, -3.0, 40.0], [12.0, 4.0, 40.0]])
        samples = np.linspace(*path, 100)
        count = placed(mark(cube, samples, path, radius=0.05), cube).visible_pixels(
            depth_of(cube, camera), camera
        )
        assert 0 < count < ENOUGH_PIXELS / 2

    @pytest.mark.parametrize("kind", ["scratch", "crack", "dent"])
    def test_visible_pixels__those_whose_middle_is_on_changed_surface(self, plate: Part, kind: str) -> None:
        """Every pixel of every view, judged with no samples: the reflectance is other, or the surface elsewhere."""
        made = make_defect(plate, kind, size=14, seed=2)
        seen, before = placed(made.defects[0], made.part), Surface(plate)
        counts, expected = [], []
        for camera in viewpoints(plate.vertices, 12, size=SIZE):
            z = depth_of(made.part, camera)
            counts.append(seen.visible_pixels(z, camera))
            v, u = np.nonzero(np.isfinite(z))
            surface = camera.back_project(np.stack([u, v], axis=1), z[v, u])
            changed = before.distance(surface) > 0.02
            for patch in made.patches:
                near, weight = patch_weight(patch, surface)
                changed[near[weight > 0.1]] = True
            expected.append(int(changed.sum()))
        assert max(counts) > 5
        assert counts == expected

    def test_visible_pixels__hidden_on_the_far_side(self, cube: Part, camera: Camera) -> None:
        seen = placed(mark(cube, disc(8, 0), np.zeros((1, 3)), radius=8), cube)
        assert seen.visible_pixels(depth_of(cube, camera), camera) == 0

    def test_visible_pixels__vanished_surface_in_the_air(self, cube: Part, camera: Camera) -> None:
        taller = part_of(trimesh.creation.box((40.0, 40.0, 50.0)))
        gone = Defect("chip", np.array([0, 0, 50.0]), 16.0, 10.0, "both", disc(8, 50), before=taller)
        assert placed(gone, cube).visible_pixels(depth_of(cube, camera), camera) > 200

    def test_visible_pixels__outside_the_image(self, cube: Part, camera: Camera) -> None:
        away = np.array([900.0, 0, 0])
        seen = placed(mark(cube, disc(8, 40) + away, away[None], radius=8), cube)
        assert seen.visible_pixels(depth_of(cube, camera), camera) == 0

    def test_visible_pixels__placed_elsewhere_with_the_camera(self, plate: Part) -> None:
        made = make_defect(plate, "scratch", size=14, seed=2)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = Rotation.from_rotvec([0.01, 0.02, 0.4]).as_matrix(), [3, -2, 1]
        here, there = (placed(made.defects[0], made.part, pose=where) for where in (None, pose))
        counts = []
        for camera in viewpoints(plate.vertices, 12, size=SIZE):
            z = depth_of(made.part, camera)
            moved = Camera(camera.K, camera.T_world_to_camera @ np.linalg.inv(pose), size=SIZE)
            counts.append((here.visible_pixels(z, camera), there.visible_pixels(z, moved)))
        assert max(one for one, _ in counts) > 5
        assert all(one == other for one, other in counts)
