"""`modmap calibrate`, and what thresholds change in a prediction, as a user types it."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modmap.cli import main
from modmap.datasets import write_scan
from modmap.detector.model import ModMap
from tests.synthetic_scans import ball_scan

Run = Callable[..., int]


class TestCalibrate:
    @pytest.fixture(scope="class")
    def calibrated(self, model: Path, scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A copy of the model with thresholds of three copies of the good scan."""
        directory = tmp_path_factory.mktemp("calibrated")
        shutil.copytree(model, directory / "model")
        for number in range(3):
            copy = directory / "scans" / f"good_{number}"
            shutil.copytree(scans / "good", copy)
            record = json.loads((copy / "scan.json").read_text())
            (copy / "scan.json").write_text(json.dumps(record | {"name": copy.name}))
        with pytest.raises(SystemExit) as stop:
            main(["calibrate", str(directory / "model"), str(directory / "scans")])
        assert not stop.value.code
        return directory / "model"

    def test_calibrate__keeps_thresholds_in_the_model(self, calibrated: Path) -> None:
        found = json.loads((calibrated / "calibration.json").read_text())["categories"][""]
        assert found["scans"] == ["good_0", "good_1", "good_2"]
        assert (found["basis"], found["false_alarm_rate"]) == ("conformal", 0.25)

    def test_calibrate__training_scan_is_an_estimate(
        self, run: Run, model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.copytree(model, tmp_path / "model")
        assert run("calibrate", tmp_path / "model", scans / "good", "--false-alarm-rate", "0.1") == 0
        assert "false-alarm rate of 0.1, an estimate, not a guarantee" in capsys.readouterr().out

    def test_calibrate__another_model_was_written_meanwhile(
        self,
        run: Run,
        calibrated: Path,
        scans: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Its thresholds stay as they are: those of the model before it aren't its."""
        model = shutil.copytree(calibrated, tmp_path / "model")
        before = (model / "calibration.json").read_bytes()
        monkeypatch.setattr(ModMap, "calibrate", lambda *_, **__: os.utime(model / "config.json"))
        assert run("calibrate", model, scans / "good") == 1
        assert (
            "found one that another process has written meanwhile: calibrate it again"
            in capsys.readouterr().err
        )
        assert (model / "calibration.json").read_bytes() == before

    def test_calibrate__too_few_scans(
        self, run: Run, calibrated: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        good = calibrated.parent / "scans"
        assert run("calibrate", calibrated, good, "--false-alarm-rate", "0.01") == 1
        error = capsys.readouterr().err
        assert "expected at least 99 good scans, found 3" in error
        assert error.count("\n") == 1

    @pytest.mark.parametrize("words", [["model"], ["nowhere", "scans"]])
    def test_calibrate__usage(self, run: Run, calibrated: Path, words: list[str]) -> None:
        assert run("calibrate", *(calibrated.parent / word for word in words)) == 2

    def test_fail_on_defect__exit_status(
        self, run: Run, calibrated: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["-o", tmp_path / "out", "--no-overlays", "--formats", "npz", "--fail-on-defect"]
        assert run("predict", calibrated, scans / "good", *words) == 0
        assert ", pass (threshold" in capsys.readouterr().out
        assert run("predict", calibrated, scans / "good", scans / "bad", *words) == 3
        assert ", fail (threshold" in capsys.readouterr().out
        assert run("predict", calibrated, scans / "bad", *words[:-1]) == 0
        assert run("predict", calibrated, scans / "bad", *words, "--resume") == 3
        assert capsys.readouterr().out.count("already done") == 1
        summary = json.loads((tmp_path / "out" / "bad" / "summary.json").read_text())
        assert (summary["verdict"], summary["p_value"]) == ("fail", 0.25)
        assert summary["margin"] == pytest.approx(summary["calibration"]["scan_threshold"] - summary["score"])
        defects = json.loads((tmp_path / "out" / "bad" / "defects.json").read_text())["defects"]
        assert len(defects) == summary["defects"] > 0
        assert defects[0]["peak"] == pytest.approx(summary["score"])
        assert defects[0]["depth_mm"] is None
        assert len((tmp_path / "out" / "bad" / "defects.csv").read_text().splitlines()) == len(defects) + 1
        assert json.loads((tmp_path / "out" / "good" / "defects.json").read_text())["defects"] == []

    def test_fail_on_defect__too_little_was_seen(
        self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pytest.importorskip("k3d")
        scan = ball_scan(views=4, width=160, height=120)
        bottom = np.arange(120)[:, None] > 60
        cut = [replace(view, depth=np.where(bottom, 0, np.asarray(view.depth))) for view in scan.views]
        write_scan(replace(scan, name="part"), tmp_path / "part")
        write_scan(replace(scan, name="cut", views=tuple(cut)), tmp_path / "cut")
        assert run("fit", tmp_path / "part", "-o", tmp_path / "model", "--voxel", "3") == 0
        assert run("calibrate", tmp_path / "model", tmp_path / "part") == 0
        words = ["-o", tmp_path / "out", "--no-overlays", "--fail-on-defect"]
        assert run("predict", tmp_path / "model", tmp_path / "part", *words) == 0
        capsys.readouterr()
        assert run("predict", tmp_path / "model", tmp_path / "part", tmp_path / "cut", *words) == 4
        (line,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith("cut:")]
        assert re.search(
            r", not inspected \(threshold 2\.0000, estimated, \d\d\.\d% of the surface shown\)$", line
        )
        assert run("predict", tmp_path / "model", tmp_path / "cut", *words, "--resume") == 4
        assert run("predict", tmp_path / "model", tmp_path / "cut", *words[:-1], "--resume") == 0
        assert run("report", tmp_path / "out") == 0
        page = (tmp_path / "out" / "cut" / "report.html").read_text()
        assert '<span class="badge not-inspected">NOT INSPECTED</span>' in page
        index = (tmp_path / "out" / "index.html").read_text()
        assert "0 of 2 with a verdict failed, 1 not inspected" in index
        assert 'style="color:var(--not-inspected)">not inspected</b>' in index

    def test_report__pages(
        self, run: Run, calibrated: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pytest.importorskip("k3d")
        assert run("predict", calibrated, scans / "bad", "-o", tmp_path, "--no-overlays") == 0
        assert run("report", tmp_path) == 0
        assert "report.html: 1." in capsys.readouterr().out
        assert (tmp_path / "index.html").is_file()
        assert run("report", tmp_path / "bad" / "nothing") == 2

    def test_fail_on_defect__a_scan_that_cannot_be_scored_comes_first(
        self, run: Run, calibrated: Path, scans: Path, tmp_path: Path
    ) -> None:
        shutil.copytree(scans / "bad", tmp_path / "damaged")
        image = sorted((tmp_path / "damaged").rglob("*.png"))[0]
        image.write_bytes(image.read_bytes()[:-40])
        words = ["-o", tmp_path / "out", "--no-overlays", "--fail-on-defect"]
        assert run("predict", calibrated, tmp_path / "damaged", *words) == 1

    def test_fail_on_defect__not_calibrated(
        self, run: Run, model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("predict", model, scans / "good", "-o", tmp_path / "out", "--fail-on-defect") == 2
        assert "expected a calibrated model, found no thresholds for good" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

    def test_resume__other_thresholds_are_another_result(
        self, run: Run, model: Path, calibrated: Path, scans: Path, tmp_path: Path
    ) -> None:
        words = [scans / "good", "-o", tmp_path, "--no-overlays", "--formats", "npz"]
        assert run("predict", model, *words) == 0
        assert json.loads((tmp_path / "good" / "summary.json").read_text())["verdict"] is None
        assert run("predict", calibrated, *words, "--resume") == 0
        assert json.loads((tmp_path / "good" / "summary.json").read_text())["verdict"] == "pass"
