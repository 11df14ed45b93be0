import numpy as np
import trimesh

from benchmarks.cadscan.part import Part
from benchmarks.cadscan.render import Caster


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
