"""Reading parts: boxes and balls that another library wrote."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from modmap.cad.mesh import read_mesh
from modmap.errors import ModMapError

EDGES = (10.0, 20.0, 30.0)


def _box() -> trimesh.Trimesh:
    box = trimesh.creation.box(EDGES)
    box.apply_translation([5, 10, 15])
    return box


class TestReadMesh:
    @pytest.mark.parametrize("name", ["a.stl", "a.STL", "a.ply", "a.obj"])
    def test_read__a_box(self, name: str, tmp_path: Path) -> None:
        (tmp_path / name).write_bytes(_bytes(_box().export(file_type=name[-3:].lower())))
        mesh = read_mesh(tmp_path / name, unit="mm")
        np.testing.assert_allclose(mesh.size, EDGES)
        np.testing.assert_allclose(mesh.centre, [5, 10, 15])
        assert mesh.vertices.shape == (8, 3)
        assert mesh.faces.shape == (12, 3)
        assert mesh.notes == ()

    def test_read__text_of_stl(self, tmp_path: Path) -> None:
        (tmp_path / "a.stl").write_text(_box().export(file_type="stl_ascii"))
        np.testing.assert_allclose(read_mesh(tmp_path / "a.stl", unit="mm").size, EDGES)

    @pytest.mark.parametrize(("unit", "times"), [("mm", 1), ("cm", 10), ("m", 1000), ("inch", 25.4)])
    def test_read__in_its_unit(self, unit: str, times: float, tmp_path: Path) -> None:
        _box().export(tmp_path / "a.stl")
        np.testing.assert_allclose(read_mesh(tmp_path / "a.stl", unit=unit).size, np.multiply(EDGES, times))

    def test_read__an_open_box_is_noted(self, tmp_path: Path) -> None:
        box = _box()
        box.update_faces(np.arange(len(box.faces)) > 0)
        box.export(tmp_path / "a.stl")
        (note,) = read_mesh(tmp_path / "a.stl", unit="mm").notes
        assert "isn't watertight (3 open edges)" in note

    def test_read__step(self, tmp_path: Path) -> None:
        build123d = pytest.importorskip("build123d")
        build123d.export_step(build123d.Box(*EDGES), tmp_path / "a.step")
        mesh = read_mesh(tmp_path / "a.step", unit="mm")
        np.testing.assert_allclose(mesh.size, EDGES)
        assert mesh.notes == ()
        with pytest.raises(ModMapError, match="unit: expected mm, as a STEP file says its own"):
            read_mesh(tmp_path / "a.step", unit="m")

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("a.stl", b"", "expected a whole file of triangles, found none"),
            ("a.stl", b"solid nothing\nendsolid nothing\n", "expected a whole file of triangles, found none"),
            ("a.ply", b"ply\nformat ascii 1.0\n", "expected a whole file of triangles, found none"),
            ("a.obj", b"v 0 0 0\n", "expected a whole file of triangles, found none"),
            ("a.obj", b"v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n", "expected triangles, found one point"),
            ("a.3mf", b"x", "expected a part in .stl, .ply, .obj, .step, .stp, found .3mf"),
            ("a", b"x", "found no suffix"),
        ],
    )
    def test_read__what_is_none(self, name: str, content: bytes, said: str, tmp_path: Path) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModMapError, match=said) as refused:
            read_mesh(tmp_path / name, unit="mm")
        assert "\n" not in str(refused.value)
        assert str(tmp_path / name) in str(refused.value)

    def test_read__a_file_that_was_cut(self, tmp_path: Path) -> None:
        whole = _bytes(_box().export(file_type="stl"))
        (tmp_path / "a.stl").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ModMapError, match="expected a whole file of triangles"):
            read_mesh(tmp_path / "a.stl", unit="mm")

    def test_read__no_file(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match=r"a\.stl: expected a file, found none"):
            read_mesh(tmp_path / "a.stl", unit="mm")

    def test_read__another_unit(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match="unit: expected mm, cm, m, inch, found 'yard'"):
            read_mesh(tmp_path / "a.stl", unit="yard")

    def test_read__without_open3d(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        _box().export(tmp_path / "a.stl")
        monkeypatch.setitem(sys.modules, "open3d", None)
        with pytest.raises(ModMapError, match=r"expected the package open3d, found none: .*modmap\[cad\]"):
            read_mesh(tmp_path / "a.stl", unit="mm")


def _bytes(exported: str | bytes) -> bytes:
    return exported.encode() if isinstance(exported, str) else exported
