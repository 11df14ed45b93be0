"""Where the time of a prediction goes, on a model of balls in real processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.costs.prediction import main
from modmap import ModMap, Scan
from tests.modmap.detector.balls import SETTINGS


@pytest.mark.usefixtures("measured_in_forks")
def test_main__a_column_for_each_number_of_threads(
    tmp_path: Path, balls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nominal = next(balls.glob("*/*_real"))
    model = (
        ModMap(device="cpu", settings=SETTINGS).fit(Scan.load(nominal)).save_pretrained(tmp_path / "model")
    )
    out = tmp_path / "out"
    assert (
        main(["--model", str(model), "--scan", str(nominal), "--threads", "1", "2", "--out", str(out)]) == 0
    )
    rows = json.loads((out / "results.json").read_text())["rows"]
    assert [row["threads"] for row in rows] == [1, 2]
    for row in rows:
        assert row["views"] == len(Scan.load(nominal))
        assert min(row["seconds"].values()) > 0
        # The steps leave little out, and the first prediction does all that the second does.
        assert 0 < sum(row["steps"].values()) <= row["seconds"]["prediction"]
        assert row["seconds"]["write"] < row["seconds"]["write with pictures"]
        assert row["peak_bytes"] > 1e8
    table = (out / "table.md").read_text()
    one, two = (row["seconds"]["prediction"] for row in rows)
    assert f"| prediction | {one:.2f} | {two:.2f} | {one / two:.2f} |" in table
    assert table.strip() in capsys.readouterr().out


@pytest.mark.usefixtures("measured_in_forks")
def test_main__a_model_that_is_none(tmp_path: Path, balls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "--model",
        str(tmp_path),
        "--scan",
        str(next(balls.glob("*/*_real"))),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(words) != 0
    assert "expected figures, found" in capsys.readouterr().err
