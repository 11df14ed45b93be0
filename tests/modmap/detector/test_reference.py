"""The nominal views that a model keeps, and their file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modmap.detector.reference import Reference, read_references, require_cameras, write_references
from modmap.errors import ModMapError
from modmap.evidence.memory import Memory, remembered
from modmap.scan import Scan

ScanMaker = Callable[..., Scan]


@pytest.fixture
def saved(make_scan: ScanMaker, tmp_path: Path) -> Path:
    """The directory of references of two classes."""
    of_class = {
        name: Reference.of(make_scan(views=views), foreground="components")
        for name, views in (("a", 3), ("b", 4))
    }
    write_references(of_class, tmp_path)
    return tmp_path


def _edit(directory: Path, **changes: np.ndarray | None) -> None:
    path = directory / "reference.npz"
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    for name, value in changes.items():
        if value is None:
            del arrays[name]
        else:
            arrays[name] = value
    np.savez(path, **arrays)  # type: ignore[arg-type]


class TestReference:
    def test_of__keeps_the_part_alone(self, make_scan: ScanMaker) -> None:
        scan = make_scan()
        np.asarray(scan.views[0].depth)[2, 2] = 300  # a speck
        kept = Reference.of(scan, foreground="components").frames["00"].depth
        assert kept[2, 2] == 0
        assert kept[30, 40] == np.asarray(scan.views[0].depth)[30, 40]

    def test_require_cameras__names_the_view(self, make_scan: ScanMaker) -> None:
        scan = make_scan()
        views = (scan.views[0], replace(scan.views[1], camera=None))
        with pytest.raises(ModMapError, match=r"evidence: expected a camera .* view 01"):
            require_cameras(replace(scan, views=views))


@pytest.fixture
def remembering(make_scan: ScanMaker, tmp_path: Path) -> Path:
    """The directory of a reference of one class with a memory of three scans."""
    scans = [make_scan(), make_scan(change=("00",)), make_scan(change=("01",))]
    seen = [Reference.of(scan, foreground="components") for scan in scans]
    memory = Memory.of([(one.frames, one.part) for one in seen], count=3)
    write_references({"": replace(seen[0], memory=memory)}, tmp_path)
    return tmp_path


class TestMemoryOf:
    def test_memory_of__gives_back_what_was_written(self, remembering: Path, make_scan: ScanMaker) -> None:
        found = read_references(remembering)[""].memory
        assert found is not None
        write_references(read_references(remembering), remembering)
        again = read_references(remembering)[""].memory
        assert again is not None
        seen = Reference.of(make_scan(change=("02",)), foreground="components")
        for one, other in zip(
            remembered(found, seen.frames, seen.part), remembered(again, seen.frames, seen.part), strict=True
        ):
            assert list(one) == list(seen.frames)
            for view_id, scores in one.items():
                np.testing.assert_array_equal(scores, other[view_id])

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"normals_patches_1_0": None}, "normals_patches_1_0"),
            (
                {"image_patches_0_0": np.zeros((3, 4), np.float32)},
                "image of view 00: expected float16 patches",
            ),
            ({"image_patches_0_0": np.full((3, 4), np.nan, np.float16)}, "expected finite patches"),
            ({"image_patches_0_0": np.zeros((0, 4), np.float16)}, "expected finite patches, found none"),
            ({"image_units_0_0": np.zeros(2, np.float32)}, "expected positive units"),
            ({"image_most_0_0": np.array(-1.0)}, "expected positive units"),
            ({"memory_factor_0": np.array(np.inf)}, "expected a positive factor"),
            ({"memory_factor_0": None}, "unknown: "),
        ],
    )
    def test_memory_of__damaged(
        self, remembering: Path, changes: dict[str, np.ndarray | None], said: str
    ) -> None:
        _edit(remembering, **changes)
        with pytest.raises(ModMapError, match=said) as raised:
            read_references(remembering)
        assert str(raised.value).startswith(f"{remembering / 'reference.npz'}: expected the nominal views")


class TestReadReferences:
    def test_read_references__gives_back_what_was_written(self, saved: Path, make_scan: ScanMaker) -> None:
        found = read_references(saved)
        assert list(found) == ["a", "b"]
        for name, views in (("a", 3), ("b", 4)):
            expected = Reference.of(make_scan(views=views), foreground="components").frames
            assert list(found[name].frames) == list(expected)
            for view_id, frame in found[name].frames.items():
                np.testing.assert_array_equal(frame.depth, expected[view_id].depth)
                np.testing.assert_array_equal(frame.image, expected[view_id].image)
                assert frame.camera is not None
                assert expected[view_id].camera is not None
                np.testing.assert_array_equal(frame.camera.K, expected[view_id].camera.K)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"depth_1_2": None}, "depth_1_2"),
            ({"depth_0_0": np.zeros((2, 3, 4), np.float32)}, "view 00: expected float32 depth"),
            ({"depth_0_0": np.full((60, 80), np.nan, np.float32)}, "depth of 0 and more"),
            ({"K_0_1": np.eye(2)}, "3x3"),
            ({"more": np.zeros(1)}, "unknown: more"),
        ],
    )
    def test_read_references__damaged(self, saved: Path, changes: dict[str, np.ndarray], said: str) -> None:
        _edit(saved, **changes)
        with pytest.raises(ModMapError, match=said) as raised:
            read_references(saved)
        assert str(raised.value).startswith(f"{saved / 'reference.npz'}: expected the nominal views")
        assert "\n" not in str(raised.value)

    def test_read_references__cut_short_and_missing(self, saved: Path) -> None:
        path = saved / "reference.npz"
        path.write_bytes(path.read_bytes()[:1000])
        with pytest.raises(ModMapError, match="damaged file"):
            read_references(saved)
        path.unlink()
        with pytest.raises(ModMapError, match="found no file"):
            read_references(saved)
