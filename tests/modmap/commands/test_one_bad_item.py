"""One item that can't be used: it is named, the others are done, and the exit status says so."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modmap.datasets import load_scan, scan_directories, write_scan
from modmap.errors import ModMapError
from modmap.runs.predict import predict_directories
from modmap.scan import Scan

Run = Callable[..., int]
MakeScan = Callable[..., Scan]


def _damage(scan: Path) -> Path:
    """Cuts a depth map of a scan."""
    file = sorted(scan.rglob("*.npy"))[1]
    file.write_bytes(file.read_bytes()[:-40])
    return file


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory, model: Path, scans: Path, make_scan: MakeScan) -> Path:
    """Predictions of three scans."""
    root = tmp_path_factory.mktemp("results")
    write_scan(make_scan(name="third"), root / "scans" / "third")
    places = [scans / "good", scans / "bad", root / "scans" / "third"]
    assert predict_directories(str(model), places, output=root / "out", formats=["npz"], overlays=False) == 0
    return root / "out"


class TestReport:
    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("volume.npz", b"damaged", "expected a whole .npz file"),
            ("maps.npz", b"damaged", "found a damaged file"),
            ("summary.json", b'{"coverage": 0.9}', "expected the summary of a prediction, found no scan"),
            ("summary.json", b"[", "broken JSON"),
        ],
    )
    def test_report__a_damaged_result(
        self,
        run: Run,
        results: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        name: str,
        content: bytes,
        said: str,
    ) -> None:
        out = shutil.copytree(results, tmp_path / "out")
        (out / "bad" / name).write_bytes(content)
        assert run("report", out) == 1
        printed, error = capsys.readouterr()
        assert f"modmap: error: {out / 'bad' / name}: " in error
        assert said in error
        assert error.count("\n") == 1
        assert sorted(path.parent.name for path in out.glob("*/report.html")) == ["good", "third"]
        assert str(out / "index.html") in printed

    def test_report__a_summary_of_what_no_prediction_says(
        self, run: Run, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = shutil.copytree(results, tmp_path / "out")
        summary = json.loads((out / "bad" / "summary.json").read_text())
        (out / "bad" / "summary.json").write_text(json.dumps(summary | {"score": float("nan")}))
        (out / "third" / "summary.json").write_text(json.dumps(summary | {"inspected": 2.0}))
        assert run("report", out) == 1
        error = capsys.readouterr().err
        assert "summary.json: score: expected a finite number, found NaN" in error
        assert "summary.json: inspected: expected less than or equal to 1, found 2.0" in error

    def test_report__none_that_can_be_shown(self, run: Run, results: Path, tmp_path: Path) -> None:
        out = shutil.copytree(results, tmp_path / "out")
        for summary in out.glob("*/summary.json"):
            summary.write_text("{}")
        assert run("report", out) == 1
        assert not (out / "index.html").exists()


class TestOthers:
    def test_qualitative__a_damaged_summary(
        self, run: Run, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = shutil.copytree(results, tmp_path / "out")
        (out / "third" / "summary.json").write_text("{")
        assert run("figures", "qualitative", out, "-o", tmp_path / "figures") == 1
        assert "third/summary.json: broken JSON" in capsys.readouterr().err
        assert list((tmp_path / "figures").glob("*.png"))

    def test_calibrate__a_damaged_scan_among_good_ones(
        self, run: Run, model: Path, tmp_path: Path, make_scan: MakeScan, capsys: pytest.CaptureFixture[str]
    ) -> None:
        copy = shutil.copytree(model, tmp_path / "model")
        for number in range(4):
            write_scan(make_scan(name=f"good_{number}"), tmp_path / "good" / f"good_{number}")
        file = _damage(tmp_path / "good" / "good_2")
        assert run("calibrate", copy, tmp_path / "good") == 1
        assert f"modmap: error: {file}: " in capsys.readouterr().err
        kept = json.loads((copy / "calibration.json").read_text())["categories"][""]
        assert kept["scans"] == ["good_0", "good_1", "good_3"]
        assert len(kept["scores"]) == 3
        rate = ("--false-alarm-rate", "0.2")  # needs four
        assert run("calibrate", copy, tmp_path / "good", *rate) == 1
        assert "expected at least 4 good scans, found 3" in capsys.readouterr().err

    def test_check__names_that_no_file_can_have_and_unreadable_scans(
        self, run: Run, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name in ("a", "b", "c"):
            shutil.copytree(scans / "good", tmp_path / name)
        record = json.loads((tmp_path / "b" / "scan.json").read_text())
        (tmp_path / "b" / "scan.json").write_text(json.dumps(record | {"name": "n" * 5000}))
        record["views"][0]["image"] = "n" * 5000
        (tmp_path / "c" / "scan.json").write_text(json.dumps(record))
        assert run("check", tmp_path) == 1
        printed = capsys.readouterr().out
        assert "3 scans, 1 usable, 2 unusable" in printed
        assert max(map(len, printed.splitlines())) < 1000

    def test_evaluate__a_damaged_test_scan(
        self,
        run: Run,
        scans: Path,
        tiny_encoder: Path,
        tiny_depth_encoder: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        root = tmp_path / "parts"
        shutil.copytree(scans / "good", root / "train")
        for name in ("one", "two", "three"):
            shutil.copytree(scans / "good", root / name)
            record = json.loads((root / name / "scan.json").read_text())
            (root / name / "scan.json").write_text(json.dumps(record | {"name": name}))
        _damage(root / "two")
        (root / "three" / "scan.json").write_text("{")
        words = ["--preset", "fast", "--size", "112", "--no-overlays", "--set", "training.epochs=2"]
        words += ["inference.jittered_scans=0", f"image_encoder.reference=local-dir:{tiny_encoder}"]
        words += [f"depth_encoder.reference=local-dir:{tiny_depth_encoder}"]
        assert run("evaluate", root, "-o", tmp_path / "out", *words) == 1
        printed, error = capsys.readouterr()
        assert error.count("modmap: error: ") == 2
        assert "2 test scans that can't be used are left out of all figures" in printed
        lines = (tmp_path / "out" / "scans.jsonl").read_text().splitlines()
        assert [json.loads(line)["scan"] for line in lines] == ["one"]


class TestFindScans:
    def test_find_scans__what_a_disk_keeps_is_passed_over(self, scans: Path, tmp_path: Path) -> None:
        shutil.copytree(scans / "good", tmp_path / "good")
        shutil.copytree(scans / "good", tmp_path / "lost+found" / "part")
        assert scan_directories(tmp_path) == [tmp_path / "good"]
        assert load_scan(tmp_path / "good").name == "good"

    def test_find_scans__a_folder_that_cannot_be_read_is_named(
        self, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Patched, as root may read any."""
        shutil.copytree(scans / "good", tmp_path / "good")
        (tmp_path / "locked").mkdir()
        real = os.scandir

        def scandir(place: Any = ".") -> Any:
            if str(place).endswith("locked"):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
            return real(place)

        monkeypatch.setattr(os, "scandir", scandir)
        told: list[str] = []
        assert scan_directories(tmp_path, failed=told.append) == [tmp_path / "good"]
        assert told == [f"{tmp_path / 'locked'}: expected a folder that can be read, found Permission denied"]
        with pytest.raises(ModMapError, match="locked: expected a folder that can be read"):
            scan_directories(tmp_path)
