"""`modmap predict`, as a user types it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from modmap.datasets import load_scan, write_scan
from modmap.runs.volume_files import load_volume
from modmap.scan import Scan

Run = Callable[..., int]


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

    def test_predict__a_scan_that_cannot_be_opened_leaves_the_others(
        self, run: Run, model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "broken").mkdir()
        (tmp_path / "broken" / "scan.json").write_text("{")
        assert run("predict", model, scans / "good", tmp_path / "broken", "-o", tmp_path / "out") == 1
        out, error = capsys.readouterr()
        assert error.count("\n") == 1
        assert f"modmap: error: {tmp_path / 'broken' / 'scan.json'}: broken JSON" in error
        assert out.startswith("good: score")
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["good"]

    def test_predict__a_scan_that_does_not_fit_the_model_leaves_the_others(
        self, run: Run, model: Path, scans: Path, tmp_path: Path, make_scan: Callable[..., Scan]
    ) -> None:
        write_scan(make_scan(name="more_views", views=5), tmp_path / "more_views")
        assert run("predict", model, scans / "good", tmp_path / "more_views", "-o", tmp_path / "out") == 1
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["good"]

    def test_predict__no_scan_that_can_be_used(self, run: Run, model: Path, tmp_path: Path) -> None:
        (tmp_path / "broken").mkdir()
        (tmp_path / "broken" / "scan.json").write_text("{")
        assert run("predict", model, tmp_path / "broken", "-o", tmp_path / "out") == 1
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

    def test_predict__resume_does_what_else_is_asked_for(
        self, run: Run, model: Path, scans: Path, tmp_path: Path
    ) -> None:
        words = ("predict", model, scans / "bad", "-o", tmp_path, "--resume", "--formats")
        assert run(*words, "npz", "--no-overlays") == 0
        assert not list(tmp_path.glob("bad/overlay_*.png"))
        assert run(*words, "npz", "ply", "--nominal", scans / "good") == 0
        assert (tmp_path / "bad" / "volume.ply").is_file()
        assert list(tmp_path.glob("bad/overlay_*.png"))
        summary = json.loads((tmp_path / "bad" / "summary.json").read_text())
        assert (summary["formats"], summary["overlays"]) == (["npz", "ply"], True)
        assert summary["nominal_state"]

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

    def test_predict__never_over_another_programs_summary(
        self, run: Run, model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "good").mkdir()
        (tmp_path / "good" / "summary.json").write_text('{"coverage": 0.93}')
        assert run("predict", model, scans / "good", "-o", tmp_path) == 1
        out, error = capsys.readouterr()
        assert "good: expected a new or empty directory" in error
        assert "found one with another summary.json" in error
        assert not out
        assert [path.name for path in (tmp_path / "good").iterdir()] == ["summary.json"]

    def test_predict__a_result_that_was_moved_and_linked(
        self, run: Run, model: Path, scans: Path, tmp_path: Path
    ) -> None:
        words = (
            "predict",
            model,
            scans / "good",
            "-o",
            tmp_path / "out",
            "--formats",
            "npz",
            "--no-overlays",
        )
        assert run(*words) == 0
        place = (tmp_path / "out" / "good").rename(tmp_path / "moved")
        (tmp_path / "out" / "good").symlink_to(place)
        written = (place / "summary.json").stat().st_mtime_ns
        assert run(*words) == 0
        assert (tmp_path / "out" / "good").is_symlink()
        assert (place / "summary.json").stat().st_mtime_ns > written

    def test_predict__where_nothing_can_be_written(
        self, run: Run, model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It is said once, before the first scan is scored."""
        (tmp_path / "file").touch()
        assert run("predict", model, scans / "good", scans / "bad", "-o", tmp_path / "file" / "out") == 2
        out, error = capsys.readouterr()
        assert not out
        assert error == (
            f"modmap: error: {tmp_path}/file/out: expected a directory to write results to, found {tmp_path}/file, "
            "which is none\n"
        )

    def test_predict__into_a_file(
        self, run: Run, model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").touch()
        assert run("predict", model, scans / "good", "-o", tmp_path / "file") == 2
        assert "file: expected a directory to write results to, found a file" in capsys.readouterr().err

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


class TestGeometry:
    def test_fit_and_predict__with_geometry_find_the_dent(
        self, run: Run, scans: Path, tiny_encoder: Path, tiny_depth_encoder: Path, tmp_path: Path
    ) -> None:
        model = tmp_path / "model"
        words = [
            "--preset",
            "fast",
            "--size",
            "112",
            "--epochs",
            "6",
            "--voxel",
            "4",
            "--image-encoder",
            f"local-dir:{tiny_encoder}",
        ]
        words += ["--depth-encoder", f"local-dir:{tiny_depth_encoder}", "--set", "evidence.geometry=true"]
        words += ["training.pairs_per_batch=4", "training.tokens_per_batch=200"]
        assert run("fit", scans / "good", "-o", model, *words) == 0
        assert (model / "reference.npz").is_file()
        out = tmp_path / "out"
        assert run("predict", model, scans / "good", scans / "bad", "-o", out) == 0
        good, bad = (json.loads((out / name / "summary.json").read_text()) for name in ("good", "bad"))
        assert good["notes"][0].startswith("alignment: the part lay 0.0")
        assert {"alignment", "geometry"} < set(bad["seconds"])
        assert bad["score"] == pytest.approx(
            max(bad["views"][view]["geometry_max"] for view in ("00", "01")), rel=0.5
        )
        assert bad["score"] > 3 * good["score"]
        dent = np.zeros((60, 80), bool)
        dent[25:35, 35:45] = True
        places = np.concatenate(
            [
                load_scan(scans / name)[view].load().points(dent)
                for name in ("good", "bad")
                for view in ("00", "01")
            ]
        )
        worst = np.array(bad["volume"]["worst_voxel_centre_mm"])
        assert np.linalg.norm(places - worst, axis=1).min() < 8

    def test_predict__a_reference_that_is_gone_is_said(
        self, run: Run, model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        copy = shutil.copytree(model, tmp_path / "model")
        record = json.loads((copy / "config.json").read_text())
        record["config"]["evidence"]["geometry"] = True
        (copy / "config.json").write_text(json.dumps(record))
        assert run("predict", copy, scans / "good", "-o", tmp_path / "out") != 0
        assert "reference.npz: expected the nominal views" in capsys.readouterr().err
