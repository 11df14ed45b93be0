"""`modmap nominal`, as a user types it, and what is learnt of the scan that it makes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from modmap.datasets import load_scan, write_scan
from tests.modmap.cad.parts import balls_depth, balls_scan, cameras, write_balls

Run = Callable[..., int]


class TestNominal:
    def test_nominal__then_fit_and_predict(
        self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for scan in (balls_scan("good"), balls_scan("bad", dent="01")):
            write_scan(scan, tmp_path / scan.name)
        part = write_balls(tmp_path / "balls.stl")
        nominal = tmp_path / "nominal"
        assert run("nominal", part, "--like", tmp_path / "good", "--unit", "mm", "-o", nominal) == 0
        out = capsys.readouterr().out
        assert f"{nominal}: 4 views of a part of " in out
        assert "laid on the scan, 0." in out
        assert run("check", nominal) == 0
        assert run("fit", nominal, "-o", tmp_path / "model") == 0
        good, bad = tmp_path / "good", tmp_path / "bad"
        words = ("--formats", "npz", "--no-overlays")
        assert run("predict", tmp_path / "model", good, bad, "-o", tmp_path / "out", *words) == 0
        scores = {
            name: json.loads((tmp_path / "out" / name / "summary.json").read_text())["score"]
            for name in ("good", "bad")
        }
        assert scores["bad"] > 2 * scores["good"]

    def test_nominal__is_a_rendered_scan_of_the_same_views(self, run: Run, tmp_path: Path) -> None:
        """As a rendered scan of SiM3D's, its views say that the largest depth is the background."""
        write_scan(balls_scan("good"), tmp_path / "good")
        part = write_balls(tmp_path / "balls.ply")
        words = ("--like", tmp_path / "good", "--unit", "mm", "-o", tmp_path / "nominal", "--placed")
        assert run("nominal", part, *words) == 0
        made = load_scan(tmp_path / "nominal")
        assert made.view_ids == ("00", "01", "02", "03")
        assert made.anomalous is False
        for view, camera in zip(made.views, cameras(), strict=True):
            assert view.far_is_background
            frame = view.load()
            assert frame.camera is not None
            np.testing.assert_allclose(frame.camera.T_world_to_camera, camera.T_world_to_camera)
            assert np.mean((frame.depth > 0) != (balls_depth(camera) > 0)) < 0.002

    @pytest.mark.parametrize(
        ("words", "code", "said"),
        [
            (("part.obj", "--like", "good", "--unit", "mm"), 1, "part.obj: expected a file, found none"),
            (("balls.stl", "--like", "none", "--unit", "mm"), 1, "none: expected the directory of a scan"),
            (("balls.stl", "--like", "good", "--unit", "m"), 1, "is its unit another?"),
            (("balls.stl", "--like", "good"), 2, "unit"),
        ],
    )
    def test_nominal__what_can_not_be_used(
        self,
        run: Run,
        words: tuple[str, ...],
        code: int,
        said: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.chdir(tmp_path)
        write_scan(balls_scan("good"), tmp_path / "good")
        write_balls(tmp_path / "balls.stl")
        assert run("nominal", *words, "-o", "nominal") == code
        error = capsys.readouterr().err
        assert said in error
        assert code == 2 or error.count("\n") == 1
        assert not (tmp_path / "nominal").exists()

    def test_nominal__not_over_other_files(
        self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_scan(balls_scan("good"), tmp_path / "good")
        part = write_balls(tmp_path / "balls.stl")
        assert run("nominal", part, "--like", tmp_path / "good", "--unit", "mm", "-o", tmp_path / "good") == 1
        assert "expected a new or empty directory" in capsys.readouterr().err
