"""Other methods than ModMap as a user runs them: whole, killed and begun again, and without what they need."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from benchmarks.evaluations.sim3d import main
from tests.fork_server import REPOSITORY, Forked


def words(method: str, balls: Path, out: Path, vit: str) -> list[str]:
    found = ["--method", method, "--root", str(balls), "--out", str(out), "--device", "cpu"]
    found += ["--size", "112", "--image-encoder", vit]
    return [*found, "--set", "coreset=1"] if method == "btf" else found


class TestSim3d:
    def test_run__killed_and_begun_again_ends_with_the_same_bytes(
        self, balls: Path, vit: str, tmp_path: Path
    ) -> None:
        whole, out = tmp_path / "whole", tmp_path / "run"
        assert main(words("btf", balls, whole, vit)) == 0
        process = Forked(["-m", "benchmarks.sim3d", *words("btf", balls, out, vit)], cwd=REPOSITORY)
        while process.poll() is None and not list(out.glob("*/scans/[!.]*/summary.json")):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = {path: path.stat().st_mtime_ns for path in out.glob("*/scans/[!.]*/summary.json")}
        assert 0 < len(done) < 8
        assert not (out / "results.json").exists()
        assert main(words("btf", balls, out, vit)) == 0
        assert {path: path.stat().st_mtime_ns for path in done} == done
        assert (out / "results.json").read_bytes() == (whole / "results.json").read_bytes()
        for row in json.loads((out / "results.json").read_text())["categories"].values():
            assert row["scans"] == 4
        title = (out / "table.md").read_text().splitlines()[0]
        assert title.startswith(
            f"# BTF (image {vit} for wide_resnet101_2, depth fpfh, coreset 1.0 for 0.1), real2real"
        )
        costs = json.loads((out / "costs.json").read_text())
        assert set(costs["fit_seconds"]) == {"small_ball", "large_ball"}
        assert costs["peak_megabytes"] > 100

    def test_run__difference_finds_every_dent(self, balls: Path, tmp_path: Path) -> None:
        out = tmp_path / "run"
        given = ["--method", "difference", "--root", str(balls), "--out", str(out), "--device", "cpu"]
        assert main(given) == 0
        rows = json.loads((out / "results.json").read_text())["categories"]
        assert {row["i_auroc"] for row in rows.values()} == {1.0}
        assert json.loads((out / "run.json").read_text())["method"] == "difference"

    def test_run__another_method_in_the_same_place(
        self, balls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "run"
        given = ["--root", str(balls), "--out", str(out), "--device", "cpu", "--categories", "small_ball"]
        assert main([*given, "--method", "difference"]) == 0
        assert main([*given, "--method", "efficientad"]) == 2
        error = capsys.readouterr().err
        assert "expected" in error
        assert error.count("\n") == 1

    def test_run__what_a_method_needs_stands_in_its_row(self, balls: Path, tmp_path: Path) -> None:
        out = tmp_path / "run"
        given = ["--root", str(balls), "--out", str(out), "--device", "cpu", "--categories", "small_ball"]
        assert main([*given, "--method", "efficientad"]) == 1
        table = (out / "table.md").read_text()
        assert "# EfficientAD (no teacher), real2real" in table
        assert "| small_ball | **failed**: efficientad: needs teacher, " in table
