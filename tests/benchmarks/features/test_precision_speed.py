"""The comparison of precisions on a small encoder: both are measured, and their tokens compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.features.precision_speed import main


class TestPrecisionSpeed:
    def test_main__a_row_for_each(
        self, tmp_path: Path, balls: Path, quick: Sequence[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        scan, encoder = next(balls.glob("*/*_real")), quick[1]
        words = ["--scan", str(scan), "--encoder", encoder, "--size", "56", "--views", "2", "--turns", "1"]
        assert main([*words, "--device", "cpu", "--out", str(tmp_path)]) == 0
        found = json.loads((tmp_path / "results.json").read_text())
        took = found["seconds_a_view"]
        assert found["ratio"] == pytest.approx(took["float32"] / took["bfloat16"])
        assert 0.99 < found["cosine"]["least"] <= found["cosine"]["median"] <= 1.000001
        assert found["cosine"]["least"] < 1 - 1e-7
        assert capsys.readouterr().out == (tmp_path / "table.md").read_text() + "\n"

    def test_main__no_scan(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--scan", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) != 0
        assert "none" in capsys.readouterr().err
