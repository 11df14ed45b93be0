"""The SiM3D evaluation as a user runs it: whole, killed and begun again, on two processes, with a broken category."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
from scipy import ndimage

from benchmarks.evaluations.intervals import percentile_interval, resample_counts
from benchmarks.evaluations.resample_files import read_resamples
from benchmarks.evaluations.sim3d import main
from modmap.datasets import SiM3D, read_ground_truth
from modmap.metrics import VolumeAUPRO
from modmap.runs.volume_files import load_volume
from tests.fork_server import Forked, ranks, run, run_all

REPOSITORY = Path(__file__).parents[3]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def evaluation(*words: str | Path) -> list[str]:
    return ["-m", "benchmarks.sim3d", *map(str, words)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, balls: Path, quick: Sequence[str]) -> Path:
    """A run that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    done = run(evaluation("--root", balls, "--out", out, *quick), cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    assert "| large_ball | 4 | 2 |" in done.stdout
    return out


BY_TWO = (
    *(sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
    *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
    *("--main_process_port", "0", "-m", "benchmarks.sim3d"),
)


class TestSim3d:
    def test_run__finds_the_planted_defects(self, whole: Path) -> None:
        results = json.loads((whole / "results.json").read_text())
        assert set(results["categories"]) == {"small_ball", "large_ball"}
        for row in results["categories"].values():
            assert row["i_auroc"] == 1.0
            assert row["v_aupro_30pct"] > 0.5
            assert (row["scans"], row["anomalous"]) == (4, 2)
        assert results["failed"] == {}
        for groups, name in (("kind", "dent"), ("size", "10 to 20 mm"), ("modality", "both")):
            assert set(results["defects"][groups]) == {name}
            assert results["defects"][groups][name]["scans"] == 4
        mean = np.mean([row["v_aupro_1pct"] for row in results["categories"].values()])
        assert results["mean"]["v_aupro_1pct"] == pytest.approx(mean)

    def test_run__writes_what_a_reader_needs(self, whole: Path) -> None:
        lines = [json.loads(line) for line in (whole / "scans.jsonl").read_text().splitlines()]
        assert len(lines) == 8
        for line in lines:
            summary = whole / line["category"] / "scans" / line["scan"] / "summary.json"
            assert json.loads(summary.read_text())["score"] == line["score"]
            assert set(line["seconds"]) == {"encoders", "mapping", "volume"}
        assert json.loads((whole / "run.json").read_text())["config"]["size"] == 112
        assert json.loads((whole / "versions.json").read_text())["torch"]
        table = (whole / "table.md").read_text()
        assert "## By kind" in table
        assert "paper" not in table  # SiM3D has no such category

    def test_run__resamples_of_the_scans(self, whole: Path, balls: Path) -> None:
        """Drawn again with the same seed, and computed from the drawn volumes themselves."""
        kept = read_resamples(whole)
        assert kept is not None
        dataset = SiM3D(balls)
        intervals = json.loads((whole / "results.json").read_text())["intervals"]
        of_all = []
        for category in dataset.categories:
            tests = dataset.tests(category)
            assert kept.scans[category] == [scan.name for scan in tests]
            counts = resample_counts([scan.anomalous for scan in tests], seed=zlib.crc32(category.encode()))
            values = kept.metrics[f"{category}/v_aupro_5pct"]
            of_all.append(values)
            interval = percentile_interval(values)
            assert intervals[category]["v_aupro_5pct"] == [interval.low, interval.high]
            for row, value in zip(counts[:5], values[:5], strict=True):
                metric = VolumeAUPRO()
                for index in np.repeat(np.arange(len(tests)), row):
                    truth = tests[index].ground_truth
                    assert truth is not None
                    volume = load_volume(whole / category / "scans" / tests[index].name / "volume.npz")
                    metric.update(volume.scores, read_ground_truth(truth).mask)
                assert value == pytest.approx(metric.compute(0.05))
        np.testing.assert_allclose(kept.metrics["mean/v_aupro_5pct"], np.mean(of_all, axis=0))
        assert "## 95% of 1000 resamples of the test scans" in (whole / "table.md").read_text()

    def test_run__ceiling_of_what_its_own_volumes_hold(self, whole: Path, balls: Path) -> None:
        """The share of each defect's voxels that has a score in the volume that the method left."""
        results = json.loads((whole / "results.json").read_text())
        dataset = SiM3D(balls)
        shares = {}
        for category in dataset.categories:
            found = []
            for scan in dataset.tests(category):
                assert scan.ground_truth is not None
                labels, count = ndimage.label(
                    read_ground_truth(scan.ground_truth).mask, structure=np.ones((3, 3, 3))
                )
                volume = load_volume(whole / category / "scans" / scan.name / "volume.npz")
                found += [
                    np.isfinite(volume.scores[labels == number]).mean() for number in range(1, count + 1)
                ]
            shares[category] = np.mean(found)
            row = results["categories"][category]
            assert row["v_aupro_ceiling"] == pytest.approx(shares[category])
            assert row["v_aupro_1pct"] <= row["v_aupro_30pct"] <= row["v_aupro_ceiling"]
        mean = np.mean(list(shares.values()))
        assert results["mean"]["v_aupro_ceiling"] == pytest.approx(mean)
        assert results["defects"]["kind"]["dent"]["v_aupro_ceiling"] == pytest.approx(mean)
        lines = (whole / "table.md").read_text().splitlines()
        assert "| @30% | ceiling | s/scan |" in lines[2]
        assert f"| {shares['large_ball']:.3f} |" in next(line for line in lines if "| large_ball" in line)

    def test_run__killed_and_begun_again_ends_with_the_same_bytes(
        self, tmp_path: Path, balls: Path, quick: Sequence[str], whole: Path
    ) -> None:
        out = tmp_path / "run"
        command = evaluation("--root", balls, "--out", out, *quick)
        rng = np.random.default_rng(0)
        kills = 0
        while kills < 4:
            before = {*out.glob("*/scans/[!.]*/summary.json"), *out.glob("*/model/config.json")}
            process = Forked(command, cwd=REPOSITORY)
            # Some time after it has got a step further, so that the kills fall into every step.
            while process.poll() is None:
                after = {*out.glob("*/scans/[!.]*/summary.json"), *out.glob("*/model/config.json")}
                if len(after) > len(before):
                    time.sleep(rng.uniform(0, 0.2))
                    break
                time.sleep(0.01)
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        assert kills >= 2
        done = run(command, cwd=REPOSITORY)
        assert done.returncode == 0, done.stderr
        assert (out / "results.json").read_bytes() == (whole / "results.json").read_bytes()

    def test_run__again_does_nothing_anew(self, balls: Path, quick: Sequence[str], whole: Path) -> None:
        before = {path: path.stat().st_mtime_ns for path in whole.glob("*/*/*/summary.json")}
        results = (whole / "results.json").read_bytes()
        assert main(["--root", str(balls), "--out", str(whole), *quick]) == 0
        assert {path: path.stat().st_mtime_ns for path in whole.glob("*/*/*/summary.json")} == before
        assert (whole / "results.json").read_bytes() == results

    def test_run__two_processes_as_one(
        self, tmp_path: Path, balls: Path, quick: Sequence[str], whole: Path
    ) -> None:
        out = tmp_path / "run"
        command = evaluation("--root", balls, "--out", out, *quick)
        done, other = run_all([command] * 2, envs=ranks(2, os.environ), cwds=[REPOSITORY] * 2)
        assert (done.returncode, other.returncode) == (0, 0), done.stderr + other.stderr
        assert (out / "results.json").read_bytes() == (whole / "results.json").read_bytes()
        assert "2 processes share the work" in done.stdout
        said = done.stdout + other.stdout
        assert said.count("fitted") == 2
        assert said.count(": score ") == 8

    def test_run__one_of_two_processes_dies(
        self, tmp_path: Path, balls: Path, quick: Sequence[str], whole: Path
    ) -> None:
        """The other ends too, with the launcher; what is done stays done, and the rest is done by the next call."""
        out = tmp_path / "run"
        words = ["--root", str(balls), "--out", str(out), *quick]
        launcher = subprocess.Popen(
            [*BY_TWO, *words],
            cwd=REPOSITORY,
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while launcher.poll() is None and not any(out.glob("*/scans/[!.]*/summary.json")):
            time.sleep(0.01)
        workers = psutil.Process(launcher.pid).children()
        assert len(workers) == 2
        workers[1].kill()
        assert launcher.wait(timeout=300) != 0
        assert not psutil.wait_procs(workers, timeout=60)[1]
        assert not (out / "results.json").exists()
        done = {path: path.stat().st_mtime_ns for path in out.glob("*/scans/[!.]*/summary.json")}
        assert 1 <= len(done) < 8
        assert main(words) == 0
        assert {path: path.stat().st_mtime_ns for path in done} == done
        assert (out / "results.json").read_bytes() == (whole / "results.json").read_bytes()

    def test_run__other_settings_in_the_same_place(
        self, balls: Path, quick: Sequence[str], whole: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--root", str(balls), "--out", str(whole), *quick, "--setup", "synth2real"]) == 2
        error = capsys.readouterr().err
        assert "expected setup real2real" in error
        assert error.count("\n") == 1

    def test_run__fewer_views_see_less_of_the_parts(
        self, tmp_path: Path, balls: Path, whole: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "run"
        words = ["--root", str(balls), "--out", str(out), "--method", "difference", "--device", "cpu"]
        assert main([*words, "--views", "1"]) == 0
        assert "# Registered difference, at most 1 view, real2real" in (out / "table.md").read_text()
        summaries = [json.loads(path.read_text()) for path in out.glob("*/scans/[!.]*/summary.json")]
        assert {len(one["views"]) for one in summaries} == {1}
        for path in out.glob("*/scans/*/volume.npz"):
            seen_by_all = load_volume(whole / path.relative_to(out)).observed
            assert 0 < load_volume(path).observed.sum() < seen_by_all.sum()
        capsys.readouterr()
        assert main([*words, "--views", "2"]) == 2
        assert "expected views 1, as" in capsys.readouterr().err

    def test_run__no_views(self, tmp_path: Path, balls: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--root", str(balls), "--out", str(tmp_path / "run"), "--views", "0"]) == 2
        assert "views: expected 1 or more of every scan, found 0" in capsys.readouterr().err
        assert not (tmp_path / "run").exists()

    def test_run__broken_category_is_told_and_the_others_are_done(
        self, tmp_path: Path, balls: Path, quick: Sequence[str], whole: Path
    ) -> None:
        root = tmp_path / "balls"
        shutil.copytree(balls, root)
        broken = root / "small_ball" / "small_ball_02_bad" / "depth" / "01.npy"
        broken.write_bytes(broken.read_bytes()[:50])
        out = tmp_path / "run"
        command = evaluation("--root", root, "--out", out, *quick)
        done = run(command)
        assert done.returncode == 1
        results = json.loads((out / "results.json").read_text())
        assert list(results["failed"]) == ["small_ball"]
        assert "small_ball_02_bad/depth/01.npy" in results["failed"]["small_ball"]
        complete = json.loads((whole / "results.json").read_text())
        assert results["categories"] == {"large_ball": complete["categories"]["large_ball"]}
        assert "| small_ball | **failed**" in (out / "table.md").read_text()
        shutil.copy(balls / "small_ball" / "small_ball_02_bad" / "depth" / "01.npy", broken)
        assert run(command).returncode == 0
        assert (out / "results.json").read_bytes() == (whole / "results.json").read_bytes()

    def test_run__unknown_category(
        self, balls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["--root", str(balls), "--out", str(tmp_path / "run"), "--categories", "teapot"]
        assert main(words) == 2
        assert "expected some of large_ball, small_ball, found 'teapot'" in capsys.readouterr().err
