"""The table of several methods from hand-made runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.baselines.table import main
from benchmarks.evaluations.resample_files import Resamples, write_resamples


def write_run(
    directory: Path, *, method: str | None, scores: dict[str, float], failed: dict[str, str], **settings: Any
) -> Path:
    """A finished run with the same figure for every metric."""
    directory.mkdir()
    config = {
        "image_encoder": {"reference": "dinov2_vits14"},
        "depth_encoder": {"reference": "fpfh" if method else "dinov2_vits14"},
    }
    run = {"setup": "real2real", "root": "/data", "config": config, **settings}
    (directory / "run.json").write_text(json.dumps(run | ({"method": method} if method else {})))
    results = {
        "categories": {
            name: {"i_auroc": one, "v_aupro_1pct": one / 2, "v_aupro_5pct": 0.61, "v_aupro_30pct": 0.63}
            for name, one in scores.items()
        },
        "mean": {
            "i_auroc": sum(scores.values()) / len(scores),
            "v_aupro_1pct": 0.25,
            "v_aupro_5pct": 0.62,
            "v_aupro_30pct": 0.64,
        },
        "defects": {"kind": {"dent": {"i_auroc": 0.7, "v_aupro_1pct": 0.1}}, "size": {}, "modality": {}},
        "failed": failed,
    }
    (directory / "results.json").write_text(json.dumps(results))
    costs = {
        "fit_seconds": {"cup": 1.0, "pot": 3.0},
        "predict_seconds": {"cup": 0.5},
        "peak_megabytes": 1234.5,
        "peak_gpu_megabytes": 0.0,
    }
    (directory / "costs.json").write_text(json.dumps(costs))
    return directory


class TestTable:
    def test_main__methods_by_categories(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        ours = write_run(tmp_path / "one", method=None, scores={"cup": 0.9, "pot": 0.5}, failed={})
        theirs = write_run(tmp_path / "two", method="btf", scores={"cup": 0.8}, failed={"pot": "needs a hub"})
        assert main([str(ours), str(theirs)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "# real2real, /data"
        assert "| method | cup | pot | **mean** |" in lines
        assert "| ModMap (image dinov2_vits14, depth dinov2_vits14) | 0.900 | 0.500 | 0.700 |" in lines
        assert "| BTF (image dinov2_vits14 for wide_resnet101_2, depth fpfh) | 0.800 | – | – |" in lines
        assert "| BTF (image dinov2_vits14 for wide_resnet101_2, depth fpfh) | 0.400 | – | – |" in lines
        assert "## Segmentation, V-AUPRO@5%" in lines
        assert "| ModMap (image dinov2_vits14, depth dinov2_vits14) | 0.610 | 0.610 | 0.620 |" in lines
        assert "## Segmentation, V-AUPRO@30%" in lines
        assert "| ModMap (image dinov2_vits14, depth dinov2_vits14) | 0.630 | 0.630 | 0.640 |" in lines
        assert "## Segmentation, V-AUPRO@1% by kind" in lines
        assert "| BTF (image dinov2_vits14 for wide_resnet101_2, depth fpfh) | 0.100 |" in lines
        assert (
            "| BTF (image dinov2_vits14 for wide_resnet101_2, depth fpfh) | 2.0 | 0.5 | 1,234 | 0 |" in lines
        )
        at = lines.index("## Fit, s")
        assert lines[at + 2] == "| method | cup | pot |"
        assert lines[at + 4] == "| ModMap (image dinov2_vits14, depth dinov2_vits14) | 1.0 | 3.0 |"
        assert "| BTF (image dinov2_vits14 for wide_resnet101_2, depth fpfh) | 0.5 |" in lines
        assert "- BTF (image dinov2_vits14 for wide_resnet101_2, depth fpfh), pot: needs a hub" in lines

    def test_main__a_run_of_fewer_views_says_so(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fewer = write_run(tmp_path / "one", method="difference", scores={"cup": 0.9}, failed={}, views=4)
        assert main([str(fewer)]) == 0
        assert "depth fpfh), at most 4 views | 0.900 | 0.900 |" in capsys.readouterr().out

    def test_main__groups_that_not_every_run_knows(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An older run first, and ranges that come in their order, whichever run has them; no table of nothing."""
        runs = [
            write_run(tmp_path / name, method="btf", scores={"cup": 0.5}, failed={})
            for name in ("a", "b", "c")
        ]
        for run, names in ((runs[1], ("10 to 30", "over 30")), (runs[2], ("under 5", "over 30"))):
            results = json.loads((run / "results.json").read_text())
            group = {"i_auroc": 0.7, "v_aupro_1pct": 0.1}
            results["defects"]["detectability"] = dict.fromkeys(names, group)
            (run / "results.json").write_text(json.dumps(results))
        assert main([str(run) for run in runs]) == 0
        lines = capsys.readouterr().out.splitlines()
        at = lines.index("## Segmentation, V-AUPRO@1% by detectability")
        assert lines[at + 2] == "| method | under 5 | 10 to 30 | over 30 |"
        cells = [line.split(" | ")[-3:] for line in lines[at + 4 : at + 7]]
        assert cells == [["–", "–", "– |"], ["–", "0.100", "0.100 |"], ["0.100", "–", "0.100 |"]]
        assert not any("by size" in line for line in lines)

    @staticmethod
    def _with_ceilings(run: Path, categories: dict[str, float], group: float) -> Path:
        results = json.loads((run / "results.json").read_text())
        for name, ceiling in categories.items():
            results["categories"][name]["v_aupro_ceiling"] = ceiling
        results["mean"]["v_aupro_ceiling"] = sum(categories.values()) / len(categories)
        results["defects"]["kind"]["dent"]["v_aupro_ceiling"] = group
        (run / "results.json").write_text(json.dumps(results))
        return run

    def test_main__one_ceiling_of_all_runs(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A run that failed in a category knows a part of it, an older one nothing."""
        whole = write_run(tmp_path / "one", method="btf", scores={"cup": 0.5, "pot": 0.6}, failed={})
        part = write_run(tmp_path / "two", method="cfm", scores={"cup": 0.5}, failed={"pot": "no"})
        old = write_run(tmp_path / "three", method="ast", scores={"cup": 0.5, "pot": 0.6}, failed={})
        self._with_ceilings(whole, {"cup": 0.9, "pot": 0.8}, 0.7)
        self._with_ceilings(part, {"cup": 0.9}, 0.7)
        assert main([str(run) for run in (old, part, whole)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if "ceiling" in line] == [
            *["| *ceiling* | 0.900 | 0.800 | 0.850 |"] * 3,
            "| *ceiling* | 0.700 |",
        ]

    def test_main__ceilings_that_differ(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        runs = [
            self._with_ceilings(
                write_run(tmp_path / method, method=method, scores={"cup": 0.5}, failed={}),
                {"cup": ceiling},
                0.7,
            )
            for method, ceiling in (("btf", 0.9), ("cfm", 0.95))
        ]
        assert main([str(run) for run in runs]) == 0
        lines = [line for line in capsys.readouterr().out.splitlines() if "*ceiling" in line]
        assert lines[0].startswith("| *ceiling of BTF (")
        assert lines[0].endswith("| 0.900 | 0.900 |")
        assert lines[1].startswith("| *ceiling of CFM (")
        assert lines[1].endswith("| 0.950 | 0.950 |")
        assert lines[-1] == "| *ceiling* | 0.700 |"

    def test_main__differences_on_the_same_resamples(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        noise = np.random.default_rng(0).normal(0, 0.2, 1000)
        near = np.random.default_rng(1).normal(0, 0.2, 1000)
        for name, method, score, resamples in (
            ("one", None, 0.6, 0.6 + noise),
            ("two", "btf", 0.5, 0.5 + noise),  # always a tenth less, on every resample
            ("three", "cfm", 0.59, 0.59 + near),
        ):
            run = write_run(tmp_path / name, method=method, scores={"cup": score}, failed={})
            write_resamples(run, Resamples({"mean/i_auroc": resamples}, {"cup": ["a", "b"]}))
        assert main([str(tmp_path / name) for name in ("one", "two", "three")]) == 0
        printed = capsys.readouterr().out
        lines = printed.splitlines()
        at = lines.index("## Differences of the means")
        header, _, btf, cfm = lines[at + 2 : at + 6]
        assert header.startswith(
            "| less ModMap (image dinov2_vits14, depth dinov2_vits14) | Detection, I-AUROC |"
        )
        assert "| -0.100 [-0.100, -0.100] | – |" in btf
        assert "| -0.010 [-0.5" in cfm
        assert ", no difference | – |" in cfm

    def test_main__differences_of_other_scans(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name, scans in (("one", ["a", "b"]), ("two", ["a", "c"])):
            run = write_run(tmp_path / name, method="btf", scores={"cup": 0.5}, failed={})
            write_resamples(run, Resamples({"mean/i_auroc": np.zeros(10)}, {"cup": scans}))
        assert main([str(tmp_path / "one"), str(tmp_path / "two")]) == 2
        assert "expected the same test scans of cup, 2 of BTF" in capsys.readouterr().err

    @pytest.mark.parametrize("changes", [{"setup": "synth2real"}, {"root": "/other"}])
    def test_main__runs_of_different_data(
        self, changes: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        one = write_run(tmp_path / "one", method=None, scores={"cup": 0.9}, failed={})
        other = write_run(tmp_path / "two", method="cfm", scores={"cup": 0.9}, failed={}, **changes)
        assert main([str(one), str(other)]) == 2
        error = capsys.readouterr().err
        assert "expected runs of one data set and set-up" in error
        assert error.count("\n") == 1

    def test_main__not_a_run(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([str(tmp_path)]) == 2
        assert "run.json: expected a JSON file, found none" in capsys.readouterr().err
