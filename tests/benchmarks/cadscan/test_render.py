import numpy as np
import pytest
import trimesh

from benchmarks.cadscan.categories import Setup
from benchmarks.cadscan.finish import Finish
from benchmarks.cadscan.materials import PLAIN
from benchmarks.cadscan.part import Part
from benchmarks.cadscan.render import Caster
from benchmarks.cadscan.stage import Stage, surroundings
from benchmarks.cadscan.views import binned_intrinsics, look_at, viewpoints
from modmap.scan import Camera

SIZE = (161, 120)


def rays_of(camera: Camera) -> np.ndarray:
    """(H * W, 3) row by row, of length 1 along the optical axis."""
    assert camera.size is not None
    v, u = np.mgrid[0 : camera.size[1], 0 : camera.size[0]].reshape(2, -1)
    return camera.back_project(np.stack([u, v], axis=1), np.ones(len(u))) - camera.centre


class TestCaster:
    def test_cast__ends_on_the_sphere(self, ball: Part) -> None:
        rng = np.random.default_rng(0)
        targets = np.array([0, 0, 40]) + rng.uniform(-25, 25, (500, 3))
        origin = np.array([300.0, -200.0, 250.0])
        hits = Caster(ball.vertices, ball.faces).cast(origin, targets - origin)
        points = origin + hits.t[:, None] * (targets - origin)
        radius = np.linalg.norm(points - [0, 0, 40], axis=1)
        assert (hits.face >= 0).all()
        assert np.abs(radius - 40).max() < 0.02
        outward = (points - [0, 0, 40]) / radius[:, None]
        assert np.einsum("ij,ij->i", hits.normals, outward).min() > np.cos(np.radians(0.3))

    def test_cast__miss_has_no_face(self, ball: Part) -> None:
        hits = Caster(ball.vertices, ball.faces).cast(
            np.array([0.0, 0.0, 300.0]), np.array([[1.0, 0.0, 0.0]])
        )
        assert hits.face[0] == -1
        assert np.isinf(hits.t[0])

    def test_blocked__closed_form(self, cube: Part) -> None:
        """Points on the ground x beyond a cube of 40 mm; a lamp at height h and -a: the shadow ends at closed form."""
        slab = trimesh.creation.box((600, 600, 10))
        slab.apply_translation([0, 0, -5])
        vertices = np.concatenate([cube.vertices, slab.vertices])
        faces = np.concatenate([cube.faces, np.asarray(slab.faces) + len(cube.vertices)])
        lamp = np.array([-100.0, 0.0, 120.0])
        end = 20 + (20 - lamp[0]) * 40 / (lamp[2] - 40)
        x = np.linspace(20.5, 200, 1000)
        points = np.stack([x, np.zeros_like(x), np.zeros_like(x)], axis=1)
        up = np.tile([0.0, 0.0, 1.0], (len(x), 1))
        blocked = Caster(vertices, faces).blocked(points, lamp, flat=up)
        assert (blocked == (x < end)).mean() > 0.998

    def test_blocked__target_behind_the_surface(self, cube: Part) -> None:
        caster = Caster(cube.vertices, cube.faces)
        point, up = np.array([[0.0, 0.0, 40.0]]), np.array([[0.0, 0.0, 1.0]])
        assert caster.blocked(point, np.array([300.0, 0.0, 39.0]), flat=up)[0]
        assert not caster.blocked(point, np.array([300.0, 0.0, 45.0]), flat=up)[0]

    @pytest.mark.parametrize("index", [0, 4, 8, 11])
    def test_view__is_what_the_rays_hit(self, plate: Part, index: int) -> None:
        """With a table whose corners are behind the camera, and jaws."""
        around = surroundings(plate, Setup(12, "fixture", table=True))
        caster = Stage(plate, Finish([PLAIN], None), T_part_to_world=np.eye(4), around=around).caster
        camera = viewpoints(plate.vertices, 12, size=SIZE)[index]
        directions = rays_of(camera)
        cast, seen = caster.cast(camera.centre, directions), caster.hits(caster.view(camera), directions)
        np.testing.assert_allclose(seen.t, cast.t, rtol=2e-6)
        same = seen.face == cast.face
        assert (~same).sum() <= 3  # a ray through an edge
        np.testing.assert_allclose(seen.normals[same], cast.normals[same], atol=1e-4)
        np.testing.assert_array_equal(seen.flat[same], cast.flat[same])

    def test_view__a_place_within_the_triangles(self) -> None:
        """A camera in a closed room sees a wall everywhere, none of them whole, at the distance of the wall's plane."""
        room = trimesh.creation.box((400.0, 300.0, 200.0))
        pose = look_at(np.array([20.0, -30, 10]), np.array([100.0, 80, -60]))
        camera = Camera(binned_intrinsics(SIZE), pose, size=SIZE)
        directions = rays_of(camera)
        seen = Caster(room.vertices, room.faces).view(camera)
        walls = np.where(directions > 0, [200.0, 150, 100], [-200.0, -150, -100])
        np.testing.assert_allclose(seen.t, ((walls - camera.centre) / directions).min(axis=1), rtol=1e-6)

    def test_view__nothing_behind_the_camera_or_beside(self, ball: Part) -> None:
        away = look_at(np.array([300.0, 0, 40]), np.array([600.0, 0, 40]))
        seen = Caster(ball.vertices, ball.faces).view(Camera(binned_intrinsics(SIZE), away, size=SIZE))
        assert np.isinf(seen.t).all()
        assert (seen.face == -1).all()
