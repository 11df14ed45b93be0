"""Folders of depth maps in every format."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest

from dino_depth.data.sources.folder import folder
from dino_depth.errors import DinoDepthError

DEPTH = np.array([[1.5, 2.0, 0.0], [3.0, 4.25, 5.0]], np.float32)


def _write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix:
        case ".npy":
            np.save(path, DEPTH)
        case ".npz":
            np.savez(path, depth=DEPTH, other=np.zeros(3))
        case ".exr":
            OpenEXR.File({"type": OpenEXR.scanlineimage}, {"Z": DEPTH}).write(str(path))
        case ".tiff":
            cv2.imwrite(str(path), DEPTH)
        case ".png":
            cv2.imwrite(str(path), (DEPTH * 4).astype(np.uint16))


class TestFolder:
    @pytest.mark.parametrize("suffix", [".npy", ".npz", ".exr", ".tiff", ".png"])
    def test_read__in_millimetres(self, tmp_path: Path, suffix: str) -> None:
        _write(tmp_path / "shelf" / f"a{suffix}")
        source = folder(tmp_path, depth_unit=250 if suffix == ".png" else 1000)
        assert source.unit_known
        assert [item.category for item in source.items] == ["shelf"]
        np.testing.assert_allclose(source.read(source.items[0]), 1000 * DEPTH, rtol=1e-6)

    def test_read__holes(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", np.array([[1.0, np.nan], [np.inf, -2.0]]))
        source = folder(tmp_path)
        assert not source.unit_known
        np.testing.assert_array_equal(source.read(source.items[0]), [[1, 0], [0, 0]])

    def test_items__in_counted_order_other_files_left_alone(self, tmp_path: Path) -> None:
        for name in ("10.npy", "9.npy", "b/1.npy", "notes.txt"):
            _write(tmp_path / name)
        (tmp_path / "notes.txt").write_text("")
        assert folder(tmp_path).names() == ["9.npy:0", "10.npy:0", "b/1.npy:0"]

    def test_layout__errors(self, tmp_path: Path) -> None:
        with pytest.raises(DinoDepthError, match=r"expected depth maps \(.npy, .*\), found none"):
            folder(tmp_path)
        with pytest.raises(DinoDepthError, match="nowhere: expected a folder of depth maps, found none"):
            folder(tmp_path / "nowhere")
        with pytest.raises(
            DinoDepthError, match=r"--depth-unit: expected millimetres per stored unit, or 0, found -1"
        ):
            folder(tmp_path, depth_unit=-1)

    def test_read__damaged_archives(self, tmp_path: Path) -> None:
        path = tmp_path / "a.npz"
        rng = np.random.default_rng(0)
        np.savez_compressed(path, depth=rng.random((20, 20)))
        whole = path.read_bytes()
        errors = set()
        for _ in range(300):
            damaged = bytearray(whole)
            for at in rng.integers(len(whole), size=3):
                damaged[at] = rng.integers(256)
            path.write_bytes(damaged)
            source = folder(tmp_path)
            try:
                source.read(source.items[0])
            except DinoDepthError as error:  # any other is a mistake
                errors.add(str(error))
        assert len(errors) > 5
        assert all(str(path) in error and "\n" not in error for error in errors)

    def test_read__what_is_no_depth_map(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", one=DEPTH, two=DEPTH)
        np.save(tmp_path / "b.npy", np.zeros((4, 5, 6), np.float32))
        np.save(tmp_path / "c.npy", np.array([["x"]]))
        np.save(tmp_path / "d.npy", np.array([[object()]]), allow_pickle=True)
        cv2.imwrite(str(tmp_path / "e.png"), np.zeros((3, 4), np.uint8))
        OpenEXR.File({"type": OpenEXR.scanlineimage}, {"A": DEPTH, "B": DEPTH}).write(str(tmp_path / "f.exr"))
        (tmp_path / "g.exr").write_bytes((tmp_path / "f.exr").read_bytes()[:200])
        (tmp_path / "h.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:200])
        (tmp_path / "i.npy").write_bytes(b"")
        expected = {
            "a.npz": "expected one array, or one named depth, found one, two",
            "b.npy": r"found \(4, 5, 6\) of float32",
            "c.npy": r"expected \(H, W\) depth in floating point or at least 16 bit, found \(1, 1\) of <U1",
            "d.npy": "expected a whole NumPy file, found a damaged one .*Python objects in dtype",
            "e.png": r"found \(3, 4\) of uint8",
            "f.exr": r"expected a depth channel \(Z, Y or R\), found A, B",
            "g.exr": "expected a whole EXR file, found ",
            "h.npz": "expected a whole NumPy file, found ",
            "i.npy": "expected a NumPy file, found a file of another kind",
        }
        source = folder(tmp_path)
        assert [item.path.name for item in source.items] == list(expected)
        for item, message in zip(source.items, expected.values(), strict=True):
            with pytest.raises(DinoDepthError, match=f"{item.path.name}: .*{message}") as error:
                source.read(item)
            assert "\n" not in str(error.value)
