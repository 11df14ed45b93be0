"""The published procedure against ours on small encoders: the same distances, and what each takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import pytest
import torch

from benchmarks.costs.mapping_speed import plain_distances, product_rate
from benchmarks.costs.speed import main
from benchmarks.runs.files import write_json
from modmap.datasets import load_scan
from modmap.encoding.scan_tokens import encode_scan
from modmap.mapping.anomaly_maps import refined_maps
from modmap.mapping.mapper import CrossViewMapper
from modmap.mapping.token_bank import TokenBank
from tests.modmap.frozen_encoders import frozen

CPU = torch.device("cpu")


def _encoders(quick: Sequence[str]) -> tuple[Path, Path]:
    return Path(quick[1].removeprefix("local-dir:")), Path(quick[3].removeprefix("local-dir:"))


class TestPlainDistances:
    def test_plain_distances__their_minimum_over_the_sources_is_our_map(
        self, balls: Path, quick: Sequence[str]
    ) -> None:
        scan = load_scan(next(balls.glob("*/*_real")))
        scan = scan.subset(scan.view_ids[:3])
        image, depth = (
            frozen(path, modality)
            for path, modality in zip(_encoders(quick), ("image", "depth"), strict=True)
        )
        torch.manual_seed(3)
        mapper = CrossViewMapper(image.channels, depth.channels, views=3).eval()
        torch.nn.init.normal_(mapper.image_modulator.mlp[2].weight, std=0.1)  # type: ignore[union-attr]
        bank = TokenBank.of([encode_scan(scan, image, depth)], view_ids=scan.view_ids)
        ours = refined_maps(mapper, bank)
        frames = list(scan.frames())
        for target in range(3):
            best = torch.full((2, bank.foreground.shape[1]), torch.inf)
            for source in range(3):
                plain = plain_distances(
                    mapper, (image, depth), (frames[source], source), (frames[target], target), device=CPU
                )
                both = bank.foreground[source] & bank.foreground[target]
                best = torch.where(both, torch.minimum(best, torch.stack(plain)), best)
            for one, other in zip(best, ours, strict=True):
                torch.testing.assert_close(one, other[target], atol=1e-4, rtol=0)


class TestSpeed:
    @pytest.mark.usefixtures("measured_in_forks")
    def test_main__rows_floor_and_plot(
        self, tmp_path: Path, balls: Path, quick: Sequence[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        scan = next(balls.glob("*/*_real"))
        words = ["--scan", str(scan), *quick[:4], "--views", "3", "--sizes", "56", "--pairs", "4"]
        words += ["--device", "cpu", "--out", str(tmp_path)]
        assert main(words) == 0
        found = json.loads((tmp_path / "speed.json").read_text())
        assert [(row["views"], row["size"], row["measured_pairs"]) for row in found["rows"]] == [(3, 56, 4)]
        for row in found["rows"]:
            assert row["apart"] <= 1e-4
            assert row["ratio"] == pytest.approx(row["published"] / (row["encode"] + row["map"]))
            assert row["gflop"] > 1e-3
            floor = row["encode_floor"] + row["map_floor"]
            assert floor == pytest.approx(row["gflop"] / row["product_gflops"])
            assert min(row[stage] for stage in ("read", "encode", "map", "volume", "write")) > 0
            assert 5e7 < row["peak_bytes"] < 1e11
        assert [row["views"] for row in found["inspect_rows"]] == [3]
        for row in found["inspect_rows"]:
            kinds = {"geometry", "appearance", "texture", "memory"}
            assert row["steps"].keys() == {"reading", "alignment", *kinds, "not inspected", "volume"}
            assert row["predict"] == pytest.approx(sum(row["steps"].values()))
            assert min(row["fit"], row["nominal"], row["write"], row["pictures"], row["predict"]) > 0
        assert (tmp_path / "table.md").read_text() in capsys.readouterr().out
        assert cv2.imread(str(tmp_path / "speed.png")) is not None
        self._goes_on_with_what_is_there(tmp_path, words)

    def _goes_on_with_what_is_there(self, out: Path, words: Sequence[str]) -> None:
        """A row that was asked otherwise is measured again; the other stays."""
        same, otherwise = out / "rows" / "inspect_3.json", out / "rows" / "mapping_3_56.json"
        kept = json.loads(otherwise.read_text())
        kept["asked"]["pairs"] = 5
        write_json(otherwise, kept)
        before = [path.stat().st_mtime_ns for path in (same, otherwise)]
        assert main(list(words)) == 0
        after = [path.stat().st_mtime_ns for path in (same, otherwise)]
        assert [one == other for one, other in zip(before, after, strict=True)] == [True, False]
        assert json.loads(otherwise.read_text())["asked"]["pairs"] == 4

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--views", "2", "99"], "views: expected numbers of 1 to"),
            (["--pairs", "0"], "pairs: expected 1 or more, found 0"),
        ],
    )
    def test_main__numbers_that_make_no_sense(
        self, tmp_path: Path, balls: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
    ) -> None:
        scan = next(balls.glob("*/*_real"))
        given = ["--scan", str(scan), "--views", "2", "--out", str(tmp_path / "out"), *words]
        assert main(given) != 0
        assert said in capsys.readouterr().err

    def test_product_rate__is_that_of_a_machine(self) -> None:
        assert 1e8 < product_rate(CPU, "float32") < 1e15
