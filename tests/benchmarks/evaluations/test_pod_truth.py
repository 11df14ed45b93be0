"""Injected defects against true ones: the table, and one small part by both ways."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.evaluations.pod_truth import Pair, summary, table
from benchmarks.pod_truth import main


def pairs(*, off: float, count: int = 120) -> list[Pair]:
    """Dents of which the same are found either way but for a share, of which the injected ones are missed."""
    rng = np.random.default_rng(0)
    made = []
    for part in range(count):
        size = float(np.exp(rng.uniform(0, 3)))
        hit = bool(rng.random() < 1 / (1 + np.exp(-4 * np.log(size / 4))))
        injected = hit and bool(rng.random() > off)
        made.append(Pair("dent", size, 0.1 * size, part, hit, injected, 1.0, 1.0))
    return made


class TestSummary:
    def test_summary__alike(self) -> None:
        found = summary(pairs(off=0.0))["kinds"]["dent"]
        assert (found["only_true"], found["only_injected"], found["p_alike"]) == (0, 0, 1.0)
        assert found["within"] == {"a50": True, "a90": True}
        assert found["true"] == found["injected"]

    def test_summary__not_alike(self) -> None:
        results = summary(pairs(off=0.6))
        found = results["kinds"]["dent"]
        assert found["only_injected"] == 0
        assert found["p_alike"] < 1e-6
        assert found["within"]["a50"] is not True
        assert "| dent | true |" in table(results)


class TestMain:
    @pytest.mark.slow
    def test_main__one_part_by_both_ways_and_resumed(self, tmp_path: Path) -> None:
        words = ["--out", str(tmp_path), "--kinds", "bump", "--count", "3", "--per-scan", "3"]
        words += ["--size", "200", "150", "--smallest", "14", "--largest", "18"]
        assert main(words) == 0
        first = (tmp_path / "pairs.jsonl").read_text()
        assert main(words) == 0
        assert (tmp_path / "pairs.jsonl").read_text() == first
        made = json.loads((tmp_path / "results.json").read_text())
        assert made["pairs"] >= 3
        assert made["kinds"]["bump"]["true"]["hits"] > 0
