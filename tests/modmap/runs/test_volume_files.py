"""Volumes as files, read back by VTK, Open3D and byte by byte."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOPLY import vtkPLYReader
from vtkmodules.vtkIOXML import vtkXMLImageDataReader

from modmap.errors import ModMapError
from modmap.runs import volume_files
from modmap.runs.volume_files import load_volume, save_volume, write_volume
from modmap.volume import AnomalyVolume, VoxelGrid

ORIGIN = (-12.5, 0.1, 1e3)
VOXEL = 0.7


def a_volume(shape: tuple[int, int, int] = (4, 3, 37)) -> AnomalyVolume:
    rng = np.random.default_rng(0)
    scores = rng.random(shape, dtype=np.float32)
    scores[rng.random(shape) < 0.6] = np.nan
    scores[2, 0, 33] = 2.0
    scores[0, 2, 1] = 0.0
    return AnomalyVolume(VoxelGrid(np.array(ORIGIN), VOXEL, shape), scores)


def read_vti(path: Path) -> Any:
    reader = vtkXMLImageDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    assert reader.GetErrorCode() == 0
    return reader.GetOutput()


def as_array(data: Any) -> Any:
    return vtk_to_numpy(data)  # type: ignore[no-untyped-call]


def read_ply(path: Path) -> list[tuple[float, ...]]:
    """Points, one `struct` at a time."""
    header, _, body = path.read_bytes().partition(b"end_header\n")
    lines = header.decode().splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    properties = [line.split()[1:] for line in lines if line.startswith("property")]
    names = ["x", "y", "z", "red", "green", "blue", "score", "p_value"]
    assert [name for _, name in properties] in (names[:-1], names)
    assert {kind for kind, _ in properties} <= {"float", "uchar"}
    layout = struct.Struct("<" + "".join("f" if kind == "float" else "B" for kind, _ in properties))
    return list(layout.iter_unpack(body))


class TestSaveVolume:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        scores=hnp.arrays(np.float32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5)),
        origin=hnp.arrays(np.float64, 3, elements=st.floats(-1e6, 1e6)),
        voxel=st.floats(1e-3, 1e3),
    )
    def test_npz__comes_back_to_the_bit(self, tmp_path: Path, scores: Any, origin: Any, voxel: float) -> None:
        path = tmp_path / "any.npz"
        save_volume(AnomalyVolume(VoxelGrid(origin, voxel, scores.shape), scores), path)
        back = load_volume(path)
        assert back.grid.voxel == voxel
        assert back.grid.origin.tobytes() == np.asarray(origin, dtype=np.float64).tobytes()
        assert back.scores.dtype == np.float32
        np.testing.assert_array_equal(back.scores, scores)

    def test_vti__geometry_as_vtk_reads_it(self, tmp_path: Path) -> None:
        volume = a_volume()
        save_volume(volume, tmp_path / "v.vti")
        image = read_vti(tmp_path / "v.vti")
        assert image.GetOrigin() == ORIGIN
        assert image.GetSpacing() == (VOXEL, VOXEL, VOXEL)
        assert image.GetDimensions() == (5, 4, 38)
        assert image.GetNumberOfCells() == volume.scores.size

    def test_vti__every_voxel_is_where_its_point_is(self, tmp_path: Path) -> None:
        volume = a_volume()
        save_volume(volume, tmp_path / "v.vti")
        image = read_vti(tmp_path / "v.vti")
        score, observed = (as_array(image.GetCellData().GetArray(n)) for n in ("score", "observed"))
        assert (score.dtype, observed.dtype) == (np.float32, np.uint8)
        for index in np.ndindex(volume.scores.shape):
            centre = volume.grid.centres(np.array([index]))[0]
            place = [0, 0, 0]
            assert image.ComputeStructuredCoordinates(centre, place, [0.0] * 3) == 1
            cell = image.ComputeCellId(place)
            assert np.array_equal(score[cell], volume.scores[index], equal_nan=True)
            assert observed[cell] == (not np.isnan(volume.scores[index]))

    def test_vti__score_is_what_paraview_opens_with(self, tmp_path: Path) -> None:
        save_volume(a_volume(), tmp_path / "v.vti")
        assert read_vti(tmp_path / "v.vti").GetCellData().GetScalars().GetName() == "score"

    def test_vti__layout_of_the_array_does_not_matter(self, tmp_path: Path) -> None:
        volume = a_volume()
        save_volume(volume, tmp_path / "c.vti")
        for name, scores in (
            ("f", np.asfortranarray(volume.scores)),
            ("strided", np.repeat(volume.scores, 2, axis=1)[:, ::2]),
            ("double", volume.scores.astype(np.float64)),
        ):
            save_volume(AnomalyVolume(volume.grid, scores), tmp_path / f"{name}.vti")
            assert (tmp_path / f"{name}.vti").read_bytes() == (tmp_path / "c.vti").read_bytes()

    def test_ply__one_point_for_every_observed_voxel(self, tmp_path: Path) -> None:
        volume = a_volume()
        save_volume(volume, tmp_path / "v.ply")
        points = read_ply(tmp_path / "v.ply")
        assert len(points) == np.count_nonzero(~np.isnan(volume.scores))
        seen = set()
        for x, y, z, *_, score in points:
            index = tuple(int((value - low) // VOXEL) for value, low in zip((x, y, z), ORIGIN, strict=True))
            seen.add(index)
            assert score == volume.scores[index]
            centre = [low + (i + 0.5) * VOXEL for low, i in zip(ORIGIN, index, strict=True)]
            np.testing.assert_allclose((x, y, z), centre, rtol=1e-6)
        assert len(seen) == len(points)

    def test_ply__colours_run_from_zero_to_the_volumes_score(self, tmp_path: Path) -> None:
        save_volume(a_volume(), tmp_path / "v.ply")
        colour = {score: (r, g, b) for *_, r, g, b, score in read_ply(tmp_path / "v.ply")}
        assert colour[0.0] == (13, 8, 135)
        assert colour[2.0] == (240, 249, 33)

    def test_ply__scale_top_given(self, tmp_path: Path) -> None:
        save_volume(a_volume(), tmp_path / "v.ply", scale_top=0.5)
        points = read_ply(tmp_path / "v.ply")
        above = {(r, g, b) for *_, r, g, b, score in points if score >= 0.5}
        below = {(r, g, b) for *_, r, g, b, score in points if score < 0.49}
        assert above == {(240, 249, 33)}
        assert len(below) > 5
        assert (240, 249, 33) not in below

    def test_ply__read_by_vtk(self, tmp_path: Path) -> None:
        volume = a_volume()
        save_volume(volume, tmp_path / "v.ply")
        reader = vtkPLYReader()
        reader.SetFileName(str(tmp_path / "v.ply"))
        reader.Update()
        cloud = reader.GetOutput()
        points = np.array(read_ply(tmp_path / "v.ply"))
        np.testing.assert_array_equal(as_array(cloud.GetPoints().GetData()), points[:, :3])
        np.testing.assert_array_equal(as_array(cloud.GetPointData().GetArray("RGB")), points[:, 3:6])

    def test_ply__read_by_open3d(self, tmp_path: Path) -> None:
        open3d = pytest.importorskip("open3d", exc_type=ImportError)
        save_volume(a_volume(), tmp_path / "v.ply")
        cloud = open3d.t.io.read_point_cloud(str(tmp_path / "v.ply"))
        points = np.array(read_ply(tmp_path / "v.ply"))
        np.testing.assert_array_equal(cloud.point.positions.numpy(), points[:, :3])
        np.testing.assert_array_equal(cloud.point.colors.numpy(), points[:, 3:6])
        np.testing.assert_array_equal(cloud.point["score"].numpy()[:, 0], points[:, 6].astype(np.float32))

    def test_p_values__beside_the_scores(self, tmp_path: Path) -> None:
        volume = a_volume()
        p_values = np.exp(-volume.scores.astype(np.float64))
        save_volume(volume, tmp_path / "v.ply", p_values=p_values)
        for *_, score, p_value in read_ply(tmp_path / "v.ply"):
            assert p_value == pytest.approx(np.exp(-score), rel=1e-6)
        save_volume(volume, tmp_path / "v.vti", p_values=p_values)
        cells = read_vti(tmp_path / "v.vti").GetCellData()
        found = as_array(cells.GetArray("p_value")).reshape(volume.grid.shape, order="F")
        np.testing.assert_array_equal(found, p_values.astype(np.float32))
        assert cells.GetScalars().GetName() == "score"

    def test_nothing_observed__files_without_points(self, tmp_path: Path) -> None:
        grid = VoxelGrid(np.zeros(3), 1.0, (2, 2, 2))
        empty = AnomalyVolume(grid, np.full(grid.shape, np.nan, dtype=np.float32))
        write_volume(empty, tmp_path)
        assert read_ply(tmp_path / "volume.ply") == []
        assert not load_volume(tmp_path / "volume.npz").observed.any()
        observed = read_vti(tmp_path / "volume.vti").GetCellData().GetArray("observed")
        assert not as_array(observed).any()

    @pytest.mark.parametrize("name", ["v.txt", "v", "v.npz.gz", "v.VTI"])
    def test_other_suffix__is_refused(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ModMapError, match=r"expected a volume file \(\.npz, \.ply or \.vti\)"):
            save_volume(a_volume(), tmp_path / name)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("suffix", ["npz", "ply", "vti"])
    def test_failure_half_way__leaves_the_old_file(
        self, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / f"v.{suffix}"
        save_volume(a_volume(), path)
        before = path.read_bytes()
        write = getattr(volume_files, f"_write_{suffix}")

        def breaks(*arguments: Any) -> None:
            write(*arguments)
            raise OSError("disk full")

        monkeypatch.setattr(volume_files, f"_write_{suffix}", breaks)
        with pytest.raises(OSError, match="disk full"):
            save_volume(a_volume((3, 3, 40)), path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]


class TestWriteVolume:
    def test_default__writes_the_three(self, tmp_path: Path) -> None:
        files = write_volume(a_volume(), tmp_path / "new" / "place")
        assert [file.name for file in files] == ["volume.npz", "volume.ply", "volume.vti"]
        assert sorted(tmp_path.rglob("*.*")) == files

    def test_formats__only_those(self, tmp_path: Path) -> None:
        files = write_volume(a_volume(), tmp_path, formats=["vti"])
        assert list(tmp_path.iterdir()) == files == [tmp_path / "volume.vti"]

    def test_unknown_format__writes_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match=r"found \.stl"):
            write_volume(a_volume(), tmp_path, formats=["npz", "stl"])  # type: ignore[list-item]
        assert list(tmp_path.iterdir()) == []


class TestLoadVolume:
    @pytest.fixture
    def whole(self) -> dict[str, Any]:
        return {"scores": np.zeros((2, 3, 4), np.float32), "origin": np.zeros(3), "voxel": np.float64(2)}

    def test_missing_file__says_so(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match=r"none.npz: expected a volume, found no such file"):
            load_volume(tmp_path / "none.npz")

    @pytest.mark.parametrize("key", ["scores", "origin", "voxel"])
    def test_missing_key__is_named(self, tmp_path: Path, whole: dict[str, Any], key: str) -> None:
        del whole[key]
        np.savez(tmp_path / "v.npz", **whole)
        with pytest.raises(ModMapError, match=rf"v.npz: expected .*, found no {key} \(it has"):
            load_volume(tmp_path / "v.npz")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"scores": np.zeros((2, 3), np.float32)}, r"expected scores \(X, Y, Z\)"),
            ({"scores": np.zeros((2, 3, 4), np.uint8)}, "found uint8"),
            ({"scores": np.zeros((2, 0, 4), np.float32)}, "found 2 x 0 x 4"),
            ({"origin": np.zeros(2)}, r"origin \(3,\)"),
            ({"origin": np.array(["a", "b", "c"])}, r"origin \(3,\)"),
            ({"origin": np.array([0, np.nan, 0])}, "finite origin"),
            ({"voxel": np.ones(3)}, "voxel of one number"),
            ({"voxel": np.float64(-1)}, "positive voxel"),
        ],
    )
    def test_wrong_content__one_line_with_the_file(
        self, tmp_path: Path, whole: dict[str, Any], change: dict[str, Any], message: str
    ) -> None:
        np.savez(tmp_path / "v.npz", **{**whole, **change})
        with pytest.raises(ModMapError, match=message) as caught:
            load_volume(tmp_path / "v.npz")
        assert str(caught.value).startswith(str(tmp_path / "v.npz"))
        assert "\n" not in str(caught.value)

    def test_damaged__one_line_at_every_length(self, tmp_path: Path) -> None:
        save_volume(a_volume(), tmp_path / "v.npz")
        data = (tmp_path / "v.npz").read_bytes()
        for length in range(0, len(data), 97):
            (tmp_path / "cut.npz").write_bytes(data[:length])
            with pytest.raises(
                ModMapError, match=r"expected a whole \.npz file, found a damaged one"
            ) as caught:
                load_volume(tmp_path / "cut.npz")
            assert "\n" not in str(caught.value)

    def test_pickled_objects__are_never_unpickled(self, tmp_path: Path, whole: dict[str, Any]) -> None:
        np.savez(tmp_path / "v.npz", **{**whole, "origin": np.array([object(), 1, 2], dtype=object)})
        with pytest.raises(ModMapError, match="allow_pickle=False"):
            load_volume(tmp_path / "v.npz")

    def test_single_array__is_no_volume(self, tmp_path: Path) -> None:
        np.save(tmp_path / "v.npy", np.zeros(3))
        with pytest.raises(ModMapError, match=r"found a damaged one \(a single array"):
            load_volume(tmp_path / "v.npy")
