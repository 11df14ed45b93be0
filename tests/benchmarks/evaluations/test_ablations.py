"""The ablations as a user runs them, on balls: every row is there, runs or says what it needs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.evaluations.ablation_variants import Given, variants_of
from benchmarks.evaluations.ablations import main
from benchmarks.evaluations.published import published
from benchmarks.features.fpfh import FPFHFeatures

TABLES = (3, 4, 5, 6, 7, 8, 9, 10)


@pytest.fixture(scope="session")
def quick(quick: Sequence[str]) -> tuple[str, ...]:
    """With hardly any training: what is found doesn't matter here."""
    return (*(word for word in quick if not word.startswith("training.epochs=")), "training.epochs=3")


def run(table: int, root: Path, out: Path, *words: str) -> tuple[int, list[list[str]]]:
    """The exit status and the cells of the table's rows."""
    status = main(["--table", str(table), "--root", str(root), "--out", str(out), *words])
    lines = (out / f"table_{table}.md").read_text().splitlines()[4:]
    return status, [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


class TestAblations:
    def test_run__cross_view(self, balls: Path, quick: Sequence[str], tmp_path: Path) -> None:
        status, rows = run(6, balls, tmp_path, "--categories", "small_ball", *quick)
        assert status == 0
        assert [row[0] for row in rows] == ["cross-view off", "cross-view on"]
        assert [row[7:9] for row in rows] == [["0.804", "0.735"], ["0.844", "0.804"]]
        results = json.loads((tmp_path / "table_6.json").read_text())
        for row in rows:
            assert row[2] == f"{results[f'{row[0]} (real2real)']['mean']['i_auroc']:.3f}"
        configs = [
            json.loads((tmp_path / "runs" / row[9] / "run.json").read_text())["config"] for row in rows
        ]
        assert [config["mapping"]["cross_view"] for config in configs] == [False, True]

    def test_run__fpfh_in_place_of_an_encoder(
        self, balls: Path, quick: Sequence[str], tmp_path: Path
    ) -> None:
        status, rows = run(3, balls, tmp_path, "--categories", "small_ball", *quick)
        assert status == 0
        assert len(rows) == 2
        model = tmp_path / "runs" / rows[0][9] / "small_ball" / "model" / "config.json"
        assert json.loads(model.read_text())["trained"]["depth_channels"] == 33

    def test_run__fpfh_describes_what_is_judged(
        self, balls: Path, quick: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        described = []
        tokens = FPFHFeatures.tokens

        def noted(self: FPFHFeatures, *args: Any, **named: Any) -> torch.Tensor:
            described.append(self._foreground)
            return tokens(self, *args, **named)

        monkeypatch.setattr(FPFHFeatures, "tokens", noted)
        words = ("--categories", "small_ball", *quick, "inference.foreground=largest_component")
        status, _ = run(3, balls, tmp_path, *words)
        assert status == 0
        assert set(described) == {"largest_component"}

    def test_run__one_model_for_all_categories(
        self, balls: Path, quick: Sequence[str], tmp_path: Path
    ) -> None:
        status, rows = run(7, balls, tmp_path, *quick)
        assert status == 0
        assert [(row[0], row[1]) for row in rows] == [
            ("class-specific", "real2real"),
            ("multi-class", "real2real"),
            ("class-specific", "synth2real"),
            ("multi-class", "synth2real"),
        ]
        together = tmp_path / "runs" / rows[1][9]
        shared = json.loads((together / "model" / "config.json").read_text())
        assert shared["trained"]["categories"] == ["large_ball", "small_ball"]
        assert not list(together.glob("*/model"))

    def test_run__tables_share_what_both_compare(
        self, balls: Path, quick: Sequence[str], tmp_path: Path
    ) -> None:
        words = ("--categories", "small_ball", *quick)
        _, cross_view = run(6, balls, tmp_path, *words)
        before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/small_ball/**/*.npz")}
        _, aggregation = run(10, balls, tmp_path, *words)
        on, maximum = cross_view[1], aggregation[0]
        assert (on[0], maximum[0]) == ("cross-view on", "max")
        assert on[1:7] == maximum[1:7]
        assert on[9] == maximum[9]
        assert len(list((tmp_path / "runs").iterdir())) == 5
        assert before
        assert {path: path.stat().st_mtime_ns for path in before} == before

    def test_run__fewer_views(self, balls: Path, quick: Sequence[str], tmp_path: Path) -> None:
        status, rows = run(8, balls, tmp_path, "--categories", "small_ball", *quick, "--views", "3", "2")
        assert status == 0
        assert [row[0] for row in rows] == ["3 views", "2 views"]
        scans = tmp_path / "runs" / rows[1][9] / "small_ball" / "scans"
        summary = scans / "small_ball_02_bad" / "summary.json"
        assert list(json.loads(summary.read_text())["views"]) == ["00", "01"]

    def test_run__what_cannot_be_had_says_so_and_nothing_else(
        self, balls: Path, quick: Sequence[str], tmp_path: Path
    ) -> None:
        status, rows = run(5, balls, tmp_path, *quick)
        assert status == 0
        assert [row[0] for row in rows] == ["split A", "split B", "split C"]
        for row in rows:
            assert row[2] == "not run: needs an encoder that dino_depth trained (--dino-depth PATH)"
            assert row[3:7] == ["", "", "", ""]
        assert not list(tmp_path.glob("runs/*/run.json"))

    @pytest.mark.parametrize("table", TABLES)
    def test_variants__each_has_a_row_of_the_paper(self, table: int) -> None:
        variants = variants_of(table, Given(dino_depth="none such"))
        assert len({(variant.name, variant.setup) for variant in variants}) == len(variants) >= 2
        for variant in variants:
            key = variant.published
            assert key is not None
            values = published(
                "i_auroc",
                setup=variant.setup,
                method=key.method,
                table=str(table),
                variant=key.variant,
                features=key.features,
            )
            assert set(values) & {"mean", "sink_cabinet"}, variant.name

    def test_run__no_category_with_many_views(
        self, balls: Path, quick: Sequence[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--table", "8", "--root", str(balls), "--out", str(tmp_path), *quick]) == 2
        assert "expected a category with 36 views for table 8, found none" in capsys.readouterr().err
