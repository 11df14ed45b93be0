"""What a report costs, on a run of one small category in the real browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.costs.report import HEADER, main, photographed
from benchmarks.evaluations import sim3d
from modmap.errors import ModMapError


class TestReportCost:
    @pytest.mark.browser
    def test_main__measures_and_photographs(
        self,
        tmp_path: Path,
        balls: Path,
        quick: Sequence[str],
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        pytest.importorskip("playwright.sync_api")
        monkeypatch.setattr("benchmarks.costs.report.SETTLED_MS", 600)
        if shutil.which("chromium") is None and shutil.which("chromium-browser") is None:
            pytest.skip("no Chromium: apt-get install chromium")
        run, out = tmp_path / "run", tmp_path / "cost"
        words = ["--root", str(balls), "--out", str(run), "--categories", "small_ball", *quick]
        assert sim3d.main(words) == 0
        assert main(["--run", str(run), "--categories", "small_ball", "--out", str(out)]) == 0
        header, _, row = (out / "table.md").read_text().splitlines()
        cells = dict(zip(HEADER, [cell.strip() for cell in row.strip("|").split("|")], strict=True))
        assert header == f"| {' | '.join(HEADER)} |"
        (page,) = out.glob("*/report.html")
        assert cells["category"] == "small_ball"
        scores = {
            one["scan"]: one["score"]
            for one in map(json.loads, (run / "scans.jsonl").read_text().splitlines())
            if one["anomalous"]
        }
        assert page.parent.name == max(scores, key=lambda name: scores[name])
        assert int(cells["views"]) > 1
        assert float(cells["page MB"]) == pytest.approx(page.stat().st_size / 1e6, abs=0.05)
        assert float(cells["load s"]) > 0
        pictures = {path.stem: cv2.imread(str(path)) for path in out.glob("*.png")}
        assert {"small_ball_opened", "small_ball_slider_low", "small_ball_slider_high"} <= set(pictures)
        changed = np.abs(
            pictures["small_ball_slider_low"].astype(int) - pictures["small_ball_slider_high"]
        ).max(axis=2)
        assert (changed > 20).mean() > 0.001
        assert row in capsys.readouterr().out

    def test_photographed__no_browser(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("playwright.sync_api")
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ModMapError, match="expected Chromium, found none: apt-get install chromium"):
            photographed(tmp_path / "page.html", tmp_path / "picture")
