"""Recognising layouts and finding scans."""

from __future__ import annotations

from pathlib import Path

import pytest

from modmap.datasets import find_scans, load_scan, scan_directories, write_scan
from modmap.errors import ModMapError
from tests.sim3d_directories import write_category, write_rendered, write_scanned
from tests.synthetic_scans import ball_scan


class TestLoadScan:
    def test_load_scan__each_layout(self, tmp_path: Path) -> None:
        write_scan(ball_scan(views=2), tmp_path / "plain")
        write_scanned(tmp_path / "a_01")
        write_rendered(tmp_path / "a_synth")
        assert load_scan(tmp_path / "plain").name == "ball"
        assert load_scan(str(tmp_path / "a_01"))["00"].far_is_background is False
        assert load_scan(tmp_path / "a_synth")["00"].far_is_background is True

    def test_load_scan__scan_json_comes_first(self, tmp_path: Path) -> None:
        write_scanned(tmp_path / "a_01")
        (tmp_path / "a_01" / "scan.json").write_text("{}")
        with pytest.raises(ModMapError, match=r"scan\.json: views: this key is required"):
            load_scan(tmp_path / "a_01")

    @pytest.mark.parametrize(
        ("folders", "found"),
        [([], "nothing"), (["rgb", "xyz"], "rgb, xyz"), (["DEPTH", "rgb"], "DEPTH, rgb")],
    )
    def test_load_scan__unknown_layout(self, tmp_path: Path, folders: list[str], found: str) -> None:
        for name in folders:
            (tmp_path / name).mkdir()
        with pytest.raises(ModMapError) as raised:
            load_scan(tmp_path)
        expected = "expected scan.json or transforms.json, or folders depth and rgb, or DEPTH and RGB"
        assert str(raised.value) == f"{tmp_path}: {expected}, found {found}"

    def test_load_scan__no_directory(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match="expected the directory of a scan, found none"):
            load_scan(tmp_path / "none")
        (tmp_path / "file").touch()
        with pytest.raises(ModMapError, match="expected the directory of a scan, found a file"):
            load_scan(tmp_path / "file")


class TestFindScans:
    def test_find_scans__itself(self, tmp_path: Path) -> None:
        assert [scan.name for scan in find_scans(write_scanned(tmp_path / "a_01"))] == ["a_01"]

    def test_find_scans__below_sorted_each_once(self, tmp_path: Path) -> None:
        write_category(tmp_path, "vase")
        write_scan(ball_scan(views=1), tmp_path / "deep" / "er" / "plain")
        write_scanned(tmp_path / ".hidden" / "x_01")
        (tmp_path / "vase" / "again").symlink_to(tmp_path / "vase" / "vase_01", target_is_directory=True)
        # Two ways round in a circle: walking them again and again would never end.
        for name in ("up", "up_too"):
            (tmp_path / "vase" / name).symlink_to(tmp_path, target_is_directory=True)
        names = [path.name for path in scan_directories(tmp_path)]
        assert names[0] == "plain"
        assert sorted(names[1:]) in (
            sorted(["vase_01", "vase_02_bad", "vase_3_bad", "vase_10", "vase_real", "vase_synth"]),
            sorted(["again", "vase_02_bad", "vase_3_bad", "vase_10", "vase_real", "vase_synth"]),
        )
        assert names.index("vase_3_bad") < names.index("vase_10")

    def test_find_scans__none(self, tmp_path: Path) -> None:
        (tmp_path / "rgb").mkdir()
        with pytest.raises(ModMapError, match="expected at least one scan at or below it"):
            find_scans(tmp_path)
        with pytest.raises(ModMapError, match="expected a directory of scans, found none"):
            find_scans(tmp_path / "none")
