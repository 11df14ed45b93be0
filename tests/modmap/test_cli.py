"""The command line, as a user types it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from modmap.cli import main
from modmap.datasets import write_scan
from modmap.scan import Scan
from modmap.volume_files import load_volume

Run = Callable[..., int]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line in this process; its exit code."""

    def run_words(*words: str | Path) -> int:
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        assert stop.value.code is None or isinstance(stop.value.code, int)
        return stop.value.code or 0

    return run_words


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory, make_scan: Callable[..., Scan]) -> Path:
    """A directory with a good scan, one with a defect and one without cameras."""
    root = tmp_path_factory.mktemp("scans")
    write_scan(make_scan(name="good"), root / "good")
    write_scan(make_scan(name="bad", change=("00", "01")), root / "bad")
    record = json.loads((root / "good" / "scan.json").read_text())
    for view in record["views"]:
        for key in ("K", "K_size", "T_world_to_camera"):
            view.pop(key, None)
    write_scan(make_scan(name="uncalibrated"), root / "uncalibrated")
    (root / "uncalibrated" / "scan.json").write_text(json.dumps(record | {"name": "uncalibrated"}))
    return root


@pytest.fixture(scope="module")
def model(
    tmp_path_factory: pytest.TempPathFactory, scans: Path, tiny_encoder: Path, tiny_depth_encoder: Path
) -> Path:
    """A model that a real process fitted."""
    directory = tmp_path_factory.mktemp("model") / "model"
    # The pixels lie 3 mm apart: voxels of 4 mm leave no gaps between them.
    words = [
        "fit",
        str(scans / "good"),
        "-o",
        str(directory),
        "--size",
        "112",
        "--epochs",
        "6",
        "--voxel",
        "4",
    ]
    words += [
        "--image-encoder",
        f"local-dir:{tiny_encoder}",
        "--depth-encoder",
        f"local-dir:{tiny_depth_encoder}",
    ]
    words += ["--set", "training.pairs_per_batch=4", "training.tokens_per_batch=200"]
    subprocess.run([sys.executable, "-m", "modmap.cli", *words], check=True)
    return directory


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
        assert run("fit", scans / "good", "-o", tmp_path / "file") == 1
        assert "file: expected a directory to write a model to, found a file" in capsys.readouterr().err

    def test_fit__into_this_directory(
        self, model: Path, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is kept on the way lies beside it, and the encoders that lie in it aren't a model's to remove."""
        here = tmp_path / "here"
        (here / "encoders" / "mine").mkdir(parents=True)
        config = json.loads((model / "config.json").read_text())["config"]
        words = [f"--{kind}-encoder={config[f'{kind}_encoder']['reference']}" for kind in ("image", "depth")]
        words += ["--size", "112", "--epochs", "1", "--device", "cpu", "--set", "inference.nudged_scans=0"]
        monkeypatch.chdir(here)
        for _ in range(2):
            with pytest.raises(SystemExit) as stop:
                main(["fit", str(scans / "good"), "-o", ".", *words])
            assert stop.value.code == 0
        assert (here / "encoders" / "mine").is_dir()
        assert sorted(path.name for path in here.iterdir()) == sorted(
            ["encoders", "config.json", "model.safetensors", "README.md"]
        )

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


class TestPredict:
    def test_predict__writes_all_that_it_says(
        self, run: Run, model: Path, scans: Path, tmp_path: Path
    ) -> None:
        assert run("predict", model, scans / "good", scans / "bad", "-o", tmp_path) == 0
        good, bad = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("good", "bad"))
        assert bad["score"] > good["score"]
        for name, summary in (("good", good), ("bad", bad)):
            volume = load_volume(tmp_path / name / "volume.npz")
            assert volume.score == pytest.approx(summary["score"])
            worst = np.array([summary["volume"]["worst_voxel_centre_mm"]])
            assert volume.at(worst)[0] == pytest.approx(summary["score"])
            assert (tmp_path / name / "volume.ply").is_file()
            assert (tmp_path / name / "volume.vti").is_file()
            for view_id in summary["views"]:
                assert cv2.imread(str(tmp_path / name / f"overlay_{view_id}.png")) is not None

    def test_predict__without_cameras_has_maps_and_no_volume(
        self, run: Run, model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("predict", model, scans / "uncalibrated", "-o", tmp_path) == 0
        summary = json.loads((tmp_path / "uncalibrated" / "summary.json").read_text())
        assert summary["volume"] is None
        assert "view 00 has none" in summary["volume_refused"]
        assert "no volume" in capsys.readouterr().out
        assert not list(tmp_path.rglob("volume.*"))
        assert (tmp_path / "uncalibrated" / "overlay_00.png").is_file()

    def test_predict__only_the_formats_asked_for(
        self, run: Run, model: Path, scans: Path, tmp_path: Path
    ) -> None:
        assert run("predict", model, scans / "good", "-o", tmp_path, "--formats", "ply", "--no-overlays") == 0
        assert {path.name for path in (tmp_path / "good").iterdir()} == {
            "summary.json",
            "maps.npz",
            "volume.ply",
        }

    def test_predict__all_scans_are_opened_before_the_first_is_scored(
        self, run: Run, model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "broken").mkdir()
        (tmp_path / "broken" / "scan.json").write_text("{")
        assert run("predict", model, scans / "good", tmp_path / "broken", "-o", tmp_path / "out") == 1
        assert "scan.json" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

    def test_predict__a_scan_that_fails_leaves_the_others(
        self,
        run: Run,
        model: Path,
        scans: Path,
        tmp_path: Path,
        make_scan: Callable[..., Scan],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        write_scan(make_scan(name="damaged"), tmp_path / "damaged")
        image = sorted((tmp_path / "damaged").rglob("*.png"))[1]
        image.write_bytes(image.read_bytes()[:-40])
        assert run("predict", model, tmp_path / "damaged", scans / "good", "-o", tmp_path / "out") == 1
        assert f"{image}: truncated PNG" in capsys.readouterr().err
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["good"]

    def test_predict__resume_leaves_out_what_is_done(
        self, run: Run, model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ("predict", model, scans / "good", "-o", tmp_path, "--formats", "npz", "--no-overlays")
        assert run(*words) == 0
        written = (tmp_path / "good" / "summary.json").stat().st_mtime_ns
        assert run(*words, "--resume") == 0
        assert "already done" in capsys.readouterr().out
        assert (tmp_path / "good" / "summary.json").stat().st_mtime_ns == written
        assert run(*words) == 0
        assert (tmp_path / "good" / "summary.json").stat().st_mtime_ns > written

    def test_predict__resume_does_another_scan_of_the_same_name_anew(
        self,
        run: Run,
        model: Path,
        tmp_path: Path,
        make_scan: Callable[..., Scan],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Another day's part, and a part that was scanned anew into the same directory."""
        for day, change in (("monday", ()), ("tuesday", ("00", "01"))):
            write_scan(make_scan(name="part", change=change), tmp_path / day / "part")
        out = tmp_path / "out"

        def score(day: str) -> float:
            words = (
                "predict",
                model,
                tmp_path / day / "part",
                "-o",
                out,
                "--formats",
                "npz",
                "--no-overlays",
            )
            assert run(*words, "--resume") == 0
            return float(json.loads((out / "part" / "summary.json").read_text())["score"])

        monday, tuesday = score("monday"), score("tuesday")
        assert tuesday > monday
        shutil.rmtree(tmp_path / "tuesday" / "part")
        write_scan(make_scan(name="part"), tmp_path / "tuesday" / "part")
        assert score("tuesday") == monday
        assert "already done" not in capsys.readouterr().out

    def test_predict__resume_by_a_model_with_other_settings(
        self, run: Run, model: Path, scans: Path, tmp_path: Path
    ) -> None:
        """The weights are the same, the voxels aren't."""
        other = shutil.copytree(model, tmp_path / "other")
        config = json.loads((other / "config.json").read_text())
        config["config"]["inference"]["voxel"] = 5.0
        for grid in config["trained"]["grids"].values():
            grid["voxel"] = 5.0
        (other / "config.json").write_text(json.dumps(config))
        found = []
        for one in (model, other):
            words = ("predict", one, scans / "good", "-o", tmp_path / "out", "--formats", "npz", "--resume")
            assert run(*words, "--no-overlays") == 0
            found.append(json.loads((tmp_path / "out" / "good" / "summary.json").read_text())["volume"])
        assert [volume["voxel_mm"] for volume in found] == [4.0, 5.0]

    def test_predict__never_over_other_files(
        self, run: Run, model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With the scans' own directory as the output, a result would take the scan's place."""
        copy = shutil.copytree(scans, tmp_path / "scans")
        before = sorted(path.name for path in copy.rglob("*"))
        assert run("predict", model, copy / "good", "-o", copy) == 1
        error = capsys.readouterr().err
        assert f"{copy / 'good'}: expected a new or empty directory, or one with a summary.json" in error
        assert sorted(path.name for path in copy.rglob("*")) == before

    def test_predict__into_a_file(
        self, run: Run, model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").touch()
        assert run("predict", model, scans / "good", "-o", tmp_path / "file") == 2
        assert "file: expected a directory to write to, found a file" in capsys.readouterr().err

    def test_predict__two_scans_of_one_name_are_refused(
        self, run: Run, model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("predict", model, scans / "good", scans / "good", "-o", tmp_path / "out") == 2
        assert "would both write to good" in capsys.readouterr().err

    def test_predict__no_model(
        self, run: Run, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("predict", tmp_path / "none", scans / "good", "-o", tmp_path / "out") == 1
        assert f"{tmp_path / 'none'}: expected a model's directory" in capsys.readouterr().err


class TestCheck:
    def test_check__usable(self, run: Run, scans: Path) -> None:
        assert run("check", scans / "good") == 0

    def test_check__unusable(self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "scan.json").write_text('{"depth_unit": "mm", "views": []}')
        assert run("check", tmp_path) == 1


class TestMain:
    def test_main__version(self, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--version") == 0
        assert capsys.readouterr().out.startswith("modmap 0.")

    @pytest.mark.parametrize(
        "words", [("--help",), ("fit", "--help"), ("predict", "--help"), ("encoders", "--help")]
    )
    def test_main__help(self, run: Run, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
        assert run(*words) == 0
        assert capsys.readouterr().out

    @pytest.mark.parametrize(
        "words", [("fitt",), ("fit", "--sizes", "3"), ("fit", "x", "-o", "m", "--size", "big")]
    )
    def test_main__wrong_words_exit_with_2(self, run: Run, words: tuple[str, ...]) -> None:
        assert run(*words) == 2

    def test_main__encoders_list(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("MODMAP_ENCODERS", str(tmp_path))
        assert run("encoders", "list") == 0
        assert "can be pulled: dinov2_vits14" in capsys.readouterr().out

    def test_main__encoders_pull_of_an_unknown_name(
        self, run: Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("encoders", "pull", "dinov2_vits15") == 1
        assert "did you mean 'dinov2_vits14'" in capsys.readouterr().err


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
