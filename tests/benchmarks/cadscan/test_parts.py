"""The eight part families: closed, of the right size, the same from the same seed."""

import subprocess
import sys
from pathlib import Path

import build123d as cad
import numpy as np
import pytest
import trimesh

from benchmarks.cadscan.meshing import refine, surface_samples
from benchmarks.cadscan.part import Part
from benchmarks.cadscan.parts import CATEGORIES, PartError, build, export_cad, nominal_sizes, random_part

_BYTES = """
import hashlib
from benchmarks.cadscan.defects import make_defect
from benchmarks.cadscan.parts import build
part = make_defect(build("weld_neck_flange", seed=5), "dent", size=4, seed=2).part
digest = hashlib.sha256(part.vertices.tobytes() + part.faces.tobytes() + part.body.tobytes()).hexdigest()
"""


def _trimesh(part: Part) -> trimesh.Trimesh:
    return trimesh.Trimesh(part.vertices, part.faces, process=False)


class TestBuild:
    @pytest.mark.parametrize("category", CATEGORIES)
    def test_build__every_body_is_closed_and_of_the_right_size(self, category: str) -> None:
        part = build(category, seed=0, tolerance=0)
        assert part.category == category
        for body in range(int(part.body.max()) + 1):
            mesh = trimesh.Trimesh(part.vertices, part.faces[part.body == body], process=False)
            assert mesh.is_watertight
            assert mesh.is_winding_consistent
            assert mesh.volume > 0
        low, high = part.vertices.min(axis=0), part.vertices.max(axis=0)
        assert 60 <= (high - low).max() <= 350
        np.testing.assert_allclose([low[0] + high[0], low[1] + high[1], low[2]], 0, atol=1e-6)

    @pytest.mark.parametrize("category", CATEGORIES)
    def test_build__features_lie_at_the_part(self, category: str) -> None:
        part = build(category, seed=0, tolerance=0)
        assert part.features
        low, high = part.vertices.min(axis=0) - 0.1, part.vertices.max(axis=0) + 0.1
        for feature in part.features:
            assert ((feature.centre >= low) & (feature.centre <= high)).all()
            assert np.linalg.norm(feature.axis) == pytest.approx(1)
            assert feature.size > 0

    def test_build__tolerance_changes_sizes_by_that_at_most(self) -> None:
        nominal = build("weld_neck_flange", seed=0, tolerance=0).vertices
        extent = np.ptp(nominal, axis=0)
        changes = np.array(
            [
                np.ptp(build("weld_neck_flange", seed=s, tolerance=0.05).vertices, axis=0) - extent
                for s in range(6)
            ]
        )
        assert np.abs(changes).max() <= 0.05 + 1e-4
        assert changes[:, 2].std() > 0.01  # uniform in +-0.05 has 0.029

    def test_build__seeds_differ_and_repeat(self) -> None:
        one, other = (build("weld_neck_flange", seed=s).vertices for s in (1, 2))
        assert np.abs(np.ptp(one, axis=0) - np.ptp(other, axis=0)).max() > 1e-3
        assert build("weld_neck_flange", seed=1).vertices.tobytes() == one.tobytes()

    def test_build__same_bytes_in_two_processes(self) -> None:
        """A new one, and this one, which has made others before."""
        words = [sys.executable, "-c", _BYTES + "print(digest)"]
        other = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path.cwd()).stdout
        here: dict[str, str] = {}
        exec(_BYTES, here)
        assert other == here["digest"] + "\n"

    def test_build__unknown_category(self) -> None:
        with pytest.raises(PartError, match="no part category 'teapot'"):
            build("teapot", seed=0)

    def test_build__flange_is_as_large_as_the_standard_says(self) -> None:
        sizes = nominal_sizes("weld_neck_flange")
        part = build("weld_neck_flange", seed=0, tolerance=0)
        expected = [sizes.outer_diameter, sizes.outer_diameter, sizes.length]
        np.testing.assert_allclose(np.ptp(part.vertices, axis=0), expected, atol=0.05)


class TestRandomPart:
    def test_random_part__closed_within_sizes_and_repeatable(self) -> None:
        parts = [random_part(seed) for seed in range(2)]
        for part in parts:
            assert part.category == "random"
            assert _trimesh(part).is_watertight
            assert _trimesh(part).volume > 0
            assert 60 <= np.ptp(part.vertices, axis=0).max() <= 350
        assert len({part.vertices.tobytes() for part in parts}) == len(parts)
        assert random_part(1).vertices.tobytes() == parts[1].vertices.tobytes()

    def test_random_part__of_a_category(self) -> None:
        part = random_part(0, category="belt_pulley")
        assert part.category == "belt_pulley"
        assert _trimesh(part).is_watertight
        assert random_part(1, category="belt_pulley").vertices.tobytes() != part.vertices.tobytes()
        with pytest.raises(PartError, match="no part category 'belt'; there are deep_groove_bearing, "):
            random_part(0, category="belt")


class TestExportCad:
    def test_export_cad__step_and_stl_hold_the_part(self, tmp_path: Path) -> None:
        step, stl = export_cad("machined_bracket", tmp_path)
        part = build("machined_bracket", seed=0, tolerance=0)
        solid = cad.import_step(step)
        volume = _trimesh(part).volume
        assert solid.volume == pytest.approx(volume, rel=1e-3)  # the mesh cuts corners, by 0.02 mm
        box = solid.bounding_box()
        np.testing.assert_allclose([*box.min], part.vertices.min(axis=0), atol=0.05)
        np.testing.assert_allclose([*box.max], part.vertices.max(axis=0), atol=0.05)
        mesh = trimesh.load(stl)
        assert mesh.is_watertight
        assert mesh.volume == pytest.approx(volume, rel=1e-5)

    def test_export_cad__same_bytes(self, tmp_path: Path) -> None:
        first, second = (export_cad("machined_bracket", tmp_path / name) for name in ("a", "b"))
        assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


class TestRefine:
    def test_refine__closed_same_surface_and_short_edges(self) -> None:
        box = trimesh.creation.box((100, 60, 10))
        path = np.array([[3.0, 7.0, 5.0], [6.0, 7.0, 5.0]])
        vertices, faces, origin = refine(box.vertices, box.faces, path=path, reach=4.0, edge=0.5)
        mesh = trimesh.Trimesh(vertices, faces, process=False)
        assert mesh.is_watertight
        assert mesh.is_winding_consistent
        assert mesh.volume == pytest.approx(60_000)
        assert mesh.area == pytest.approx(box.area)
        np.testing.assert_allclose(mesh.face_normals, box.face_normals[origin], atol=1e-9)
        start, stop = vertices[mesh.edges_unique].transpose(1, 0, 2)
        near = np.linalg.norm((start + stop)[:, None] / 2 - path, axis=2).min(axis=1) < 4.0
        assert np.linalg.norm(start - stop, axis=1)[near].max() <= 0.5

    def test_surface_samples__no_point_of_a_face_is_far_from_one(self) -> None:
        rng = np.random.default_rng(0)
        triangle = np.array([[0.0, 0, 0], [30, 0, 1], [29, 0.4, 2]])
        samples, _ = surface_samples(triangle, np.array([[0, 1, 2]]), 0.6)
        points = rng.dirichlet(np.ones(3), 2000) @ triangle
        distance = np.linalg.norm(points[:, None] - samples, axis=2).min(axis=1)
        assert distance.max() <= 0.3
