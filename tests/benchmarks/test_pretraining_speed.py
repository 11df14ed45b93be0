"""The comparison of pretraining's speed, on a tiny corpus: every way is measured, and the naive one is no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks.pretraining_speed import _one_forward_a_crop, main
from dino_depth.objective.crop_tokens import tokens_by_size
from tests.dino_depth.objective.tiny import random_batch, tiny_student_teacher
from tests.dino_depth.tiny_corpus import write_tiny_corpus


class TestPretrainingSpeed:
    def test_run__a_row_for_each_way(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        corpus = write_tiny_corpus(tmp_path / "corpus")
        words = ["--corpus", str(corpus), "--config", "smoke", "--steps", "2", "--turns", "1"]
        assert main([*words, "--processes", "1", "--out", str(tmp_path / "out")]) == 0
        found = json.loads((tmp_path / "out" / "results.json").read_text())
        assert list(found) == ["naive/1", "by_size/1", "packed/1", "loader/1"]
        for key in ("naive/1", "by_size/1"):
            assert found[key]["maps_per_second"] > 0
            assert found[key]["peak_gib"] > 0.1
        assert ("not_run" in found["packed/1"]) != ("peak_gib" in found["packed/1"])
        assert "against naive" in capsys.readouterr().out

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
