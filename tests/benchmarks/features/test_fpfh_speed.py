"""The comparison of FPFH's speed on small views: every way is measured, for as many pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.features.fpfh import camera_points
from benchmarks.features.fpfh_speed import EVERY_PIXEL, every_pixel, main, sheet


class TestFPFHSpeed:
    def test_main__a_row_for_each_way(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        words = ["--width", "96", "--small-width", "48", "--grids", "8", "--turns", "1"]
        assert main([*words, "--out", str(tmp_path)]) == 0
        found = json.loads((tmp_path / "results.json").read_text())
        assert [row["pixels"] for row in found.values()] == [48 * 36, 96 * 72, 96 * 72]
        for row in found.values():
            assert row["cpu_seconds_a_megapixel"] == pytest.approx(row["cpu_seconds"] / row["pixels"] * 1e6)
        lines = capsys.readouterr().out.splitlines()
        assert lines[2].startswith(f"| {EVERY_PIXEL} | 1,728 |")
        assert lines[2].endswith("| 1x |")

    def test_every_pixel__a_whole_histogram_each(self) -> None:
        histograms = every_pixel(sheet(32))
        assert histograms.shape == (33, 32 * 24)
        np.testing.assert_allclose(np.asarray(histograms).sum(axis=0), 600, atol=1e-3)

    def test_sheet__as_wide_in_a_view_of_any_size(self) -> None:
        small, large = (camera_points(sheet(width), sheet(width).depth > 0) for width in (32, 96))
        np.testing.assert_allclose(np.ptp(small, axis=0), np.ptp(large, axis=0), rtol=0.1)
