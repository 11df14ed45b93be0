"""The comparison of pretraining's speed, on a tiny corpus: every way is measured, and the naive one is no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks.costs import pretraining as pretraining_speed
from benchmarks.costs.pretraining import Arguments, _loader, _one_forward_a_crop, main
from dino_depth.objective.crop_tokens import tokens_by_size
from tests.dino_depth.objective.tiny import random_batch, tiny_student_teacher
from tests.dino_depth.tiny_corpus import write_tiny_corpus

CONFIGS = Path(__file__).parents[3] / "dino_depth" / "configs"


class TestPretrainingSpeed:
    @pytest.mark.usefixtures("measured_in_forks")
    def test_run__a_row_for_each_way(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            monkeypatch.setenv(name, "2")  # of the measuring processes, not of this one
        corpus = write_tiny_corpus(tmp_path / "corpus")
        words = ["--corpus", str(corpus), "--config", "smoke", "--steps", "2", "--turns", "1"]
        assert main([*words, "--processes", "1", "--out", str(tmp_path / "out")]) == 0
        found = json.loads((tmp_path / "out" / "results.json").read_text())
        assert list(found) == ["naive/1", "by_size/1", "torch/1", "xformers/1", "loader/1"]
        for key in ("naive/1", "by_size/1", "torch/1"):
            assert found[key]["maps_per_second"] > 0
            assert found[key]["peak_gib"] > 0.1
            assert found[key]["threads"] == 2
        assert ("not_run" in found["xformers/1"]) != ("peak_gib" in found["xformers/1"])
        printed = capsys.readouterr().out
        assert "against naive" in printed
        assert "| one forward for each crop size | 1 | 2 |" in printed
        assert "| the loader alone, 0 workers | 1 | 2 |" in printed

    def test_loader__batches_that_were_ready_before_do_not_count(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        recipe = tmp_path / "three_workers.yaml"
        recipe.write_text((CONFIGS / "smoke.yaml").read_text().replace("workers: 0", "workers: 3"))
        clock = [0.0]
        taken = []

        def batches(*_: Any) -> Iterator[int]:
            """Six are ready, as two of each worker are; each further one takes half a second."""
            for number in count():
                clock[0] += 0.5 * (number >= 6)
                taken.append(number)
                yield number

        monkeypatch.setattr(pretraining_speed, "_batches", batches)
        monkeypatch.setattr(pretraining_speed, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
        figures = _loader(Arguments(corpus=tmp_path, config=str(recipe), steps=2))
        assert figures["maps_per_second"] == 4 / 0.5  # maps a batch, by its time
        assert len(taken) > 4 * 6

    def test_run__no_corpus(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        words = ["--corpus", str(tmp_path / "nowhere"), "--config", "smoke", "--processes", "1"]
        assert main([*words, "--out", str(tmp_path / "out")]) == 2
        assert "nowhere" in capsys.readouterr().err

    def test_one_forward_a_crop__same_tokens(self) -> None:
        model = tiny_student_teacher().eval()
        crops, local, masks = random_batch()
        arguments = (model.student.backbone, [crops, local], [masks, None], torch.ones(1, 32))
        for found, expected in zip(_one_forward_a_crop(*arguments), tokens_by_size(*arguments), strict=True):
            assert torch.allclose(found, expected, atol=1e-6)
