"""Thresholds from the training scan alone, counted on a run of one small category."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.evaluations import sim3d
from benchmarks.evaluations.thresholds import HEADER, failures, main
from modmap import ModMap
from modmap.datasets import SiM3D
from modmap.errors import ModMapError


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, balls: Path, quick: Sequence[str]) -> Path:
    """A finished evaluation."""
    out = tmp_path_factory.mktemp("run") / "run"
    words = ["--root", str(balls), "--out", str(out), "--categories", "small_ball", *quick]
    assert sim3d.main(words) == 0
    return out


class TestFailures:
    def test_failures__over_the_threshold_not_at_it(self, tmp_path: Path) -> None:
        scans = [("a", False, 1.0), ("a", False, 2.0), ("a", False, 3.0), ("a", True, 2.5), ("b", True, 9.0)]
        lines = tmp_path / "scans.jsonl"
        lines.write_text(
            "".join(json.dumps(dict(category=c, anomalous=bad, score=s)) + "\n" for c, bad, s in scans)
        )
        found = failures(lines, "a", 2.0)
        assert (str(found[False]), str(found[True])) == ("1 of 3", "1 of 1")

    def test_failures__nothing_to_count(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match=r"scans.jsonl: expected the scans of a finished evaluation"):
            failures(tmp_path / "scans.jsonl", "a", 1.0)
        (tmp_path / "scans.jsonl").write_text('{"category": "b", "anomalous": false, "score": 1.0}\n')
        with pytest.raises(ModMapError, match=r"scans.jsonl: expected test scans of a, found none"):
            failures(tmp_path / "scans.jsonl", "a", 1.0)


class TestMain:
    def test_main__counts_what_the_models_own_verdicts_say(
        self, run: Path, balls: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--run", str(run), "--rate", "0.2"]) == 0
        header, _, row, total, _, largest = capsys.readouterr().out.strip().splitlines()
        assert header == f"| {' | '.join(HEADER)} |"
        dataset = SiM3D(balls)
        model = ModMap.from_pretrained(run / "small_ball" / "model", device="cpu")
        model.calibrate(dataset.train("small_ball"), false_alarm_rate=0.2)
        verdicts: dict[bool, list[str | None]] = {False: [], True: []}
        for scan in dataset.tests("small_ball"):
            verdicts[bool(scan.anomalous)].append(model.predict(scan).verdict)
        counted = [f"{verdicts[bad].count('fail')} of {len(verdicts[bad])}" for bad in (False, True)]
        threshold = f"{model.calibrations[''].scan_threshold:.2f}"
        assert row == f"| small_ball | {threshold} | {counted[0]} | {counted[1]} |"
        assert total == f"| **all** |  | {counted[0]} | {counted[1]} |"
        lines = [json.loads(line) for line in (run / "scans.jsonl").read_text().splitlines()]
        scores = [line["score"] for line in lines if not line["anomalous"]]
        told = [float(number) for number in re.findall(r"(?:location|scale|exceed) ([0-9.]+[0-9])", largest)]
        law = stats.gumbel_r(*told[:2])
        # The law has the scores' mean and variance, and says itself what a fifth of them exceeds.
        assert law.mean() == pytest.approx(np.mean(scores), abs=0.005)
        assert law.std() == pytest.approx(np.std(scores, ddof=1), abs=0.005)
        assert law.isf(0.2) == pytest.approx(told[2], abs=0.02)

    def test_main__no_run(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--run", str(tmp_path)]) == 2
        assert "run.json: expected a JSON file, found none" in capsys.readouterr().err
