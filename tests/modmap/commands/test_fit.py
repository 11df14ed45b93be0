"""`modmap fit`, as a user types it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from modmap.cli import main
from modmap.datasets import write_scan
from modmap.files.atomic import held
from tests.modmap.detector.balls import ball

Run = Callable[..., int]


class TestFit:
    def test_fit__saves_a_model(self, model: Path) -> None:
        config = json.loads((model / "config.json").read_text())
        assert config["config"]["training"]["epochs"] == 6
        assert (model / "model.safetensors").is_file()

    def test_fit__unknown_setting_names_the_nearest(
        self, run: Run, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("fit", scans / "good", "-o", tmp_path / "m", "--set", "training.epoch=3") == 1
        error = capsys.readouterr().err
        assert "training.epoch: unknown key; did you mean epochs?" in error
        assert error.count("\n") == 1

    def test_fit__settings_given_one_by_one_all_count(
        self, run: Run, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ("--set", "training.epoch=3", "--set", "training.seed=1")
        assert run("fit", scans / "good", "-o", tmp_path / "m", *words) == 1
        assert "training.epoch: unknown key" in capsys.readouterr().err

    def test_fit__anew_says_that_the_thresholds_are_gone(
        self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_scan(ball("nominal"), tmp_path / "good")
        words = ["fit", tmp_path / "good", "-o", tmp_path / "model", "--voxel", "3", "--device", "cpu"]
        assert run(*words) == 0
        assert run(*words) == 0
        assert "thresholds" not in capsys.readouterr().out
        assert run("calibrate", tmp_path / "model", tmp_path / "good", "--device", "cpu") == 0
        capsys.readouterr()
        assert run(*words) == 0
        assert "run modmap calibrate again for verdicts" in capsys.readouterr().out
        assert not (tmp_path / "model" / "calibration.json").exists()

    def test_fit__a_folder_of_scans_is_as_each_by_itself(
        self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for index in (2, 10):
            write_scan(ball(f"part_{index}", stain=1 - index / 50), tmp_path / "good" / f"part_{index}")
        others = ["--voxel", "3", "--device", "cpu"]
        assert run("fit", tmp_path / "good", "-o", tmp_path / "folder", *others) == 0
        assert " of 2 scans, part_2 the first" in capsys.readouterr().out
        each = [tmp_path / "good" / name for name in ("part_2", "part_10")]
        assert run("fit", *each, "-o", tmp_path / "each", *others) == 0
        for name in ("reference.npz", "model.safetensors"):
            assert (tmp_path / "folder" / name).read_bytes() == (tmp_path / "each" / name).read_bytes()

    def test_fit__never_over_other_files(
        self, run: Run, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Told before anything is learnt: a project, another kind of model, a file."""
        for name, file in (("project", "README.md"), ("encoder", "config.json")):
            (tmp_path / name).mkdir()
            (tmp_path / name / file).write_text("{}")
            assert run("fit", scans / "good", "-o", tmp_path / name) == 1
            expected = f"{tmp_path / name}: expected a new directory or a model's to write a model to, found one with"
            assert f"{expected} another {file}" in capsys.readouterr().err
            assert (tmp_path / name / file).read_text() == "{}"
        (tmp_path / "file").touch()
        assert run("fit", scans / "good", "-o", tmp_path / "file") == 2
        assert "file: expected a directory to write a model to, found a file" in capsys.readouterr().err
        assert run("fit", scans / "good", "-o", tmp_path / "file" / "model") == 2
        assert f"found {tmp_path / 'file'}, which is none" in capsys.readouterr().err

    def test_fit__into_this_directory(
        self, model: Path, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is kept on the way lies beside it, and the encoders that lie in it aren't a model's to remove."""
        here = tmp_path / "here"
        (here / "encoders" / "mine").mkdir(parents=True)
        config = json.loads((model / "config.json").read_text())["config"]
        words = [f"--{kind}-encoder={config[f'{kind}_encoder']['reference']}" for kind in ("image", "depth")]
        words += [
            "--preset",
            "fast",
            "--size",
            "112",
            "--epochs",
            "1",
            "--device",
            "cpu",
            "--set",
            "inference.jittered_scans=0",
        ]
        monkeypatch.chdir(here)
        for _ in range(2):
            with pytest.raises(SystemExit) as stop:
                main(["fit", str(scans / "good"), "-o", ".", *words])
            assert stop.value.code == 0
        assert (here / "encoders" / "mine").is_dir()
        assert sorted(path.name for path in here.iterdir()) == sorted(
            ["encoders", "config.json", "model.safetensors", "README.md"]
        )

    def test_fit__another_process_is_at_it(
        self, run: Run, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with held(tmp_path / ".m.fit"):
            assert run("fit", scans / "good", "-o", tmp_path / "m") == 1
        expected = (
            f"modmap: error: {tmp_path / 'm'}: another process is writing here (process {os.getpid()} on "
        )
        assert capsys.readouterr().err.startswith(expected)
        assert not (tmp_path / "m").exists()

    def test_fit__no_scan_is_a_usage_error(
        self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("fit", "-o", tmp_path / "m") == 2
        assert "expected the directory of a nominal scan" in capsys.readouterr().err

    def test_fit__missing_directory(
        self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("fit", tmp_path / "none", "-o", tmp_path / "m") == 1
        assert f"modmap: error: {tmp_path / 'none'}: expected" in capsys.readouterr().err
