"""The single-view evaluation on miniatures and real parts: metrics against scikit-learn, resumed, from few parts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.evaluations.resample_files import read_resamples
from benchmarks.evaluations.single_view import main
from benchmarks.evaluations.single_view_metrics import scored_everywhere
from modmap.datasets.single_view import MVTec3D
from tests.real_scans import sensor_data
from tests.single_view_sets import write_eyecandies, write_mvtec3d

WRITERS: dict[str, Callable[..., Path]] = {"mvtec3d": write_mvtec3d, "eyecandies": write_eyecandies}
FPFH = ("--depth-encoder", "fpfh")


def words_for(root: Path, out: Path, *more: str, dataset: str = "mvtec3d") -> list[str]:
    return ["--dataset", dataset, "--root", str(root), "--out", str(out), *more]


def encoders(quick: Sequence[str]) -> list[str]:
    """Of the quick words those that every method takes, the image encoder for the image alone."""
    return [*quick[:2], *quick[4 : quick.index("--set")]]


def results_of(out: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((out / "results.json").read_text())
    return results


class TestSingleView:
    @pytest.mark.parametrize("dataset", WRITERS)
    def test_run__finds_the_pits(self, dataset: str, tmp_path: Path, quick: Sequence[str]) -> None:
        root, out = WRITERS[dataset](tmp_path / "set"), tmp_path / "out"
        words = words_for(root, out, *quick, dataset=dataset)
        assert main(words) == 0
        settings = json.loads((out / "run.json").read_text())
        assert settings["config"]["inference"]["jittered_scans"] == 0  # these parts lie anyhow
        ((row,),) = results_of(out)["categories"].values()
        assert row["p_auroc"] > 0.85
        assert row["aupro_30pct"] > 0.5
        assert (row["training_parts"], row["draws"]) == (3, 1)
        assert (row["parts"], row["anomalous"]) == (4, 2)
        for metric in ("i_auroc", "aupro_30pct", "aupro_1pct"):
            low, high = row["over_tests"][metric]
            assert low <= row[metric] <= high
            assert row["over_draws"][metric] is None
        before = {path: path.stat().st_mtime_ns for path in out.glob("*/3_parts/draw_0/maps/*.npz")}
        assert len(before) == 4
        assert main(words) == 0
        assert {path: path.stat().st_mtime_ns for path in before} == before
        if dataset == "mvtec3d":
            tests = MVTec3D(root).tests("bagel")
            place = out / "bagel" / "3_parts" / "draw_0" / "maps"
            maps = [np.load(place / f"{test.scan.name}.npz")["scores"] for test in tests]
            truth = np.concatenate([test.defects().ravel() for test in tests])
            scores = np.concatenate([scored_everywhere(one).ravel() for one in maps])
            assert row["p_auroc"] == pytest.approx(roc_auc_score(truth, scores))

    def test_run__few_parts_in_several_draws(self, tmp_path: Path, quick: Sequence[str]) -> None:
        root, out = write_mvtec3d(tmp_path / "set"), tmp_path / "out"
        method = ("--method", "patchcore", *encoders(quick))
        words = words_for(root, out, *method, "--parts", "1", "3", "--draws", "3")
        assert main(words) == 0
        few, whole = results_of(out)["categories"]["bagel"]
        assert (few["training_parts"], few["draws"]) == (1, 3)
        assert (whole["training_parts"], whole["draws"]) == (3, 1)
        of_draws = [draw["p_auroc"] for draw in few["of_draws"]]
        assert few["p_auroc"] == pytest.approx(np.mean(of_draws))
        # Student's t at 97.5% with two degrees of freedom.
        assert few["over_draws"]["p_auroc"] == pytest.approx(4.302653 * np.std(of_draws, ddof=1) / np.sqrt(3))
        kept = read_resamples(out)
        assert kept is not None
        assert kept.scans["bagel"] == ["good_000", "good_001", "hole_000", "hole_001"]
        assert kept.metrics["bagel/1/aupro_30pct"].shape == (1000,)
        names = [scan.name for scan in MVTec3D(root).train("bagel")]
        learnt = [
            json.loads((out / "bagel" / "1_parts" / f"draw_{draw}" / "model" / "config.json").read_text())
            for draw in range(3)
        ]
        assert {one["trained"]["scans"][0] for one in learnt} <= set(names)
        table = (out / "table.md").read_text()
        assert "| bagel | PatchCore" in table
        assert "±" in table
        assert "mean of the ten categories | CFR, published | 1 |" in table

    @pytest.mark.parametrize("method", ["difference", "btf", "cfm", "m3dm", "ast"])
    def test_run__every_method(self, method: str, tmp_path: Path, quick: Sequence[str]) -> None:
        root, out = write_mvtec3d(tmp_path / "set", train=2), tmp_path / "out"
        given = {
            "difference": ["--size", "60", "--device", "cpu"],
            "btf": [*encoders(quick), *FPFH],
            "cfm": [*encoders(quick), *FPFH, "--set", "epochs=20"],
            "m3dm": [*encoders(quick), *FPFH, "--set", "epochs=1"],
            "ast": [
                *encoders(quick),
                *(
                    "--set",
                    "teacher_channels=4",
                    "student_channels=4",
                    "teacher_epochs=5",
                    "student_epochs=5",
                ),
            ],
        }
        assert main(words_for(root, out, "--method", method, *given[method])) == 0
        ((row,),) = results_of(out)["categories"].values()
        assert np.isfinite(
            [row[metric] for metric in ("i_auroc", "p_auroc", "aupro_30pct", "aupro_1pct")]
        ).all()

    def test_run__broken_category_is_told(self, tmp_path: Path, quick: Sequence[str]) -> None:
        root, out = write_mvtec3d(tmp_path / "set"), tmp_path / "out"
        shutil.copytree(root / "bagel", root / "tire")
        shutil.rmtree(root / "tire" / "test")
        assert main(words_for(root, out, *quick)) == 1
        results = results_of(out)
        assert list(results["categories"]) == ["bagel"]
        assert "tire/test: expected folders of test parts" in results["failed"]["tire"]
        assert "| tire | ModMap | **failed**" in (out / "table.md").read_text()

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            (["--categories", "tea"], "expected some of bagel, found 'tea'"),
            (["--draws", "0"], "draws: expected 1 or more, found 0"),
        ],
    )
    def test_run__refused(
        self,
        more: list[str],
        said: str,
        tmp_path: Path,
        quick: Sequence[str],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        root = write_mvtec3d(tmp_path / "set")
        assert main(words_for(root, tmp_path / "out", *quick, *more)) == 2
        assert said in capsys.readouterr().err

    def test_run__more_parts_than_there_are(self, tmp_path: Path, quick: Sequence[str]) -> None:
        root, out = write_mvtec3d(tmp_path / "set"), tmp_path / "out"
        assert main(words_for(root, out, *quick, "--parts", "4")) == 1
        assert results_of(out)["failed"]["bagel"] == "parts: expected from 1 to 3 training parts, found 4"

    @pytest.mark.shared
    def test_run__real_parts(self, tmp_path: Path, quick: Sequence[str]) -> None:
        """Some of the real parts, learnt by features of points and colours; the published figures stand below."""
        root = tmp_path / "set"
        source = sensor_data("mvtec3d_ad") / "cable_gland"
        chosen = {"train/good": 2, "test/good": 1, "test/bent": 1, "test/hole": 1}
        for kind, count in chosen.items():
            for image in sorted((source / kind / "rgb").glob("*.png"))[:count]:
                for file in sorted((source / kind).glob(f"*/{image.stem}.*")):
                    link = root / "cable_gland" / kind / file.parent.name / file.name
                    link.parent.mkdir(parents=True, exist_ok=True)
                    link.symlink_to(file)
        out = tmp_path / "out"
        words = words_for(root, out, "--method", "btf", *encoders(quick), *FPFH, "--set", "coreset=1")
        assert main(words) == 0
        ((row,),) = results_of(out)["categories"].values()
        assert (row["training_parts"], row["parts"], row["anomalous"]) == (2, 3, 2)
        assert row["p_auroc"] > 0.8
        table = (out / "table.md").read_text()
        assert "| cable_gland | CFM, published | 223 |  | 108 | 0.875 |  | 0.966 |  |" in table
        assert "Published figures are of a whole category" in table
