"""The single-view evaluation on miniatures: figures against scikit-learn, resumed, with a broken category."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.evaluations.single_view import main
from modmap.datasets.single_view import MVTec3D
from tests.single_view_sets import write_eyecandies, write_mvtec3d

WRITERS: dict[str, Callable[..., Path]] = {"mvtec3d": write_mvtec3d, "eyecandies": write_eyecandies}


class TestSingleView:
    @pytest.mark.parametrize("dataset", WRITERS)
    def test_run__finds_the_pits(self, dataset: str, tmp_path: Path, quick: Sequence[str]) -> None:
        root, out = WRITERS[dataset](tmp_path / "set"), tmp_path / "out"
        words = ["--dataset", dataset, "--root", str(root), "--out", str(out), *quick]
        assert main(words) == 0
        settings = json.loads((out / "run.json").read_text())
        assert settings["config"]["inference"]["jittered_scans"] == 0  # these parts lie anyhow
        results = json.loads((out / "results.json").read_text())
        (row,) = results["categories"].values()
        assert row["p_auroc"] > 0.85
        assert row["aupro_30pct"] > 0.5
        assert (row["parts"], row["anomalous"]) == (4, 2)
        assert results["mean"]["p_auroc"] == row["p_auroc"]
        before = {path: path.stat().st_mtime_ns for path in out.glob("*/maps/*.npz")}
        assert len(before) == 4
        assert main(words) == 0
        assert {path: path.stat().st_mtime_ns for path in out.glob("*/maps/*.npz")} == before
        if dataset == "mvtec3d":
            tests = MVTec3D(root).tests("bagel")
            maps = [np.load(out / "bagel" / "maps" / f"{test.scan.name}.npz")["scores"] for test in tests]
            truth = np.concatenate([test.defects().ravel() for test in tests])
            scores = np.nan_to_num(np.concatenate([one.ravel() for one in maps]))
            assert row["p_auroc"] == pytest.approx(roc_auc_score(truth, scores))

    def test_run__broken_category_is_told(self, tmp_path: Path, quick: Sequence[str]) -> None:
        root, out = write_mvtec3d(tmp_path / "set"), tmp_path / "out"
        shutil.copytree(root / "bagel", root / "tire")
        shutil.rmtree(root / "tire" / "test")
        assert main(["--dataset", "mvtec3d", "--root", str(root), "--out", str(out), *quick]) == 1
        results = json.loads((out / "results.json").read_text())
        assert list(results["categories"]) == ["bagel"]
        assert "tire/test: expected folders of test parts" in results["failed"]["tire"]
        assert "| tire | **failed**" in (out / "table.md").read_text()

    def test_run__unknown_category(
        self, tmp_path: Path, quick: Sequence[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        root = write_mvtec3d(tmp_path / "set")
        words = [
            "--dataset",
            "mvtec3d",
            "--root",
            str(root),
            "--categories",
            "tea",
            "--out",
            str(tmp_path / "o"),
        ]
        assert main([*words, *quick]) == 2
        assert "expected some of bagel, found 'tea'" in capsys.readouterr().err
