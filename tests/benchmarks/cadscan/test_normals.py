import numpy as np
import pytest
import trimesh

from benchmarks.cadscan.defects import make_defect
from benchmarks.cadscan.defects.displacement import refined
from benchmarks.cadscan.normals import corner_normals, face_normals
from benchmarks.cadscan.part import Part
from benchmarks.cadscan.render import Caster, Hits
from tests.benchmarks.cadscan.conftest import part_of


def seen_from_the_side(part: Part, *, tilted: bool = True) -> Hits:
    """Rays along -x at the upright surface of a part."""
    y, z = np.meshgrid(np.linspace(-15, 15, 61), np.linspace(1, 29, 57))
    origins = np.stack([np.full(y.size, 200.0), y.ravel(), z.ravel()], axis=1)
    caster = Caster(part.vertices, part.faces, tilt=part.tilt if tilted else None)
    return caster.cast(origins, np.tile([-1.0, 0.0, 0.0], (len(origins), 1)))


def turned_by(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N,) degrees between unit normals."""
    return np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(one - other, axis=1) / 2, 0, 1)))


@pytest.fixture(scope="module")
def drum() -> Part:
    """A cylinder of 20 mm radius and 30 mm height, its round side of 64 flat faces of 5.6 degrees."""
    return part_of(trimesh.creation.cylinder(20, 30, sections=64))


class TestFaceNormals:
    def test_face_normals__none_without_area(self) -> None:
        vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0]])
        normals = face_normals(vertices, np.array([[0, 1, 2], [0, 1, 3]]))
        np.testing.assert_array_equal(normals, [[0, 0, 1], [0, 0, 0]])


class TestCornerNormals:
    def test_corner_normals__cube_stays_sharp(self, cube: Part) -> None:
        smooth = corner_normals(cube.vertices, cube.faces)
        flat = trimesh.Trimesh(cube.vertices, cube.faces, process=False).face_normals
        np.testing.assert_allclose(smooth, np.repeat(flat[:, None], 3, axis=1), atol=1e-12)

    @pytest.mark.parametrize("welded", [True, False])
    def test_corner_normals__sphere_is_smooth(self, ball: Part, welded: bool) -> None:
        vertices, faces = ball.vertices, ball.faces
        if not welded:
            vertices, faces = vertices[faces].reshape(-1, 3), np.arange(faces.size).reshape(-1, 3)
        smooth = corner_normals(vertices, faces)
        outward = vertices[faces] - [0, 0, 40]
        outward /= np.linalg.norm(outward, axis=2, keepdims=True)
        assert np.einsum("ijk,ijk->ij", smooth, outward).min() > np.cos(np.radians(0.2))

    def test_corner_normals__every_corner_by_itself(self, plate: Part) -> None:
        """Round sides, creases, and a chip whose facets meet at every angle; each corner's faces one by one."""
        part = make_defect(plate, "chip", size=10.0, seed=1).part
        flat, corners = face_normals(part.vertices, part.faces), part.vertices[part.faces]
        places = [tuple(place) for place in np.round(part.vertices, 5)[part.faces].reshape(-1, 3)]
        at: dict[tuple[float, ...], list[int]] = {}
        for corner, place in enumerate(places):
            at.setdefault(place, []).append(corner)
        expected = np.zeros((len(places), 3))
        for corner, place in enumerate(places):
            for other in at[place]:
                a, b, c = np.roll(corners[other // 3], -(other % 3), axis=0)
                cosine = (b - a) @ (c - a) / np.linalg.norm(b - a) / np.linalg.norm(c - a)
                if flat[other // 3] @ flat[corner // 3] >= np.cos(np.radians(32)):
                    expected[corner] += np.arccos(np.clip(cosine, -1, 1)) * flat[other // 3]
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        found = corner_normals(part.vertices, part.faces).reshape(-1, 3)
        np.testing.assert_allclose(found, expected, atol=1e-6)


class TestShadedAsBefore:
    def test_shaded_as_before__a_finer_round_side(self, drum: Part) -> None:
        """Without the tilt a finer mesh shows its flat faces, 2.8 degrees off."""
        fine = refined(drum, path=np.array([[20.0, 0, 15]]), reach=8.0, edge=0.5)
        before, after = seen_from_the_side(drum), seen_from_the_side(fine)
        np.testing.assert_allclose(before.t, after.t, atol=1e-4)
        assert turned_by(before.normals, after.normals).max() < 0.02
        assert turned_by(before.normals, seen_from_the_side(fine, tilted=False).normals).max() > 1.5

    @pytest.mark.parametrize("kind", ["extra_hole", "chip", "dent", "scratch"])
    def test_shaded_as_before__beside_a_defect(self, drum: Part, kind: str) -> None:
        """Where the surface is as before, so is its shading: on the faces that a tool cut, and on finer ones."""
        made = make_defect(drum, kind, size=6.0, seed=4)
        for part in (made.part, make_defect(made.part, "dent", size=3.0, seed=9).part):
            before, after = seen_from_the_side(drum), seen_from_the_side(part)
            same = (np.abs(before.t - after.t) < 1e-4) & (turned_by(before.flat, after.flat) < 0.01)
            assert same.mean() > 0.5
            assert turned_by(before.normals[same], after.normals[same]).max() < 0.3

    def test_shaded_as_before__few_faces_are_tilted(self, plate: Part) -> None:
        made = make_defect(plate, "chip", size=4.0, seed=1)
        assert made.part.tilt is not None
        tilted = made.part.tilt.any(axis=(1, 2))
        assert 0 < tilted.sum() < 0.2 * len(tilted)
