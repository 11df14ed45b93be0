"""What a run keeps by its probes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dino_depth.pretrain import main
from dino_depth.publish import publish
from tests.dino_depth.launches import losses, words
from tests.dino_depth.tiny_corpus import write_tiny_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_corpus(tmp_path_factory.mktemp("corpus") / "shapes")


class TestKeepBest:
    def test_run__the_best_checkpoint_stays_and_can_be_published(self, corpus: Path, tmp_path: Path) -> None:
        probed = ("--run.probe_every", "2", "--run.keep", "1", "--run.keep_best", "smoothness")
        assert main(words(corpus, tmp_path / "other", *probed)) == 2  # no figure of which more is better
        figure = "filled_depth_r2"
        out = tmp_path / "run"
        probed = (*probed[:-1], figure)
        assert main(words(corpus, out, *probed, "--run.stop_after", "3")) == 0
        assert main(words(corpus, out, *probed)) == 0
        probes = [json.loads(line) for line in (out / "probes.jsonl").read_text().splitlines()]
        # Stopped after 3, which is probed too.
        assert [line["step"] for line in probes] == [0, 2, 3, 4, 6, 8]
        best = max(probes[1:], key=lambda line: line[figure])["step"]
        checkpoints = out / "checkpoints"
        assert (checkpoints / "best").resolve().name == f"step_{best:08d}"
        there = {path.name for path in checkpoints.iterdir() if not path.is_symlink()}
        assert there == {f"step_{best:08d}", "step_00000008"}
        publish(checkpoints / "best", tmp_path / "encoder")
        # What is kept changes nothing of what is learned.
        assert main(words(corpus, tmp_path / "plain")) == 0
        assert losses(out) == losses(tmp_path / "plain")

    def test_run__without_probes_is_an_error(
        self, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(words(corpus, tmp_path / "run", "--run.keep_best", "depth_r2")) == 2
        assert (
            "run.keep_best: expected probes to choose by, found run.probe_every 0" in capsys.readouterr().err
        )
