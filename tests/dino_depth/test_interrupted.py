"""Pretraining's commands, killed before any of their file operations, and on disks that fill at any."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dino_depth import prepare, pretrain, publish
from dino_depth.data.corpus import open_corpus
from dino_depth.errors import DinoDepthError
from dino_depth.publishing.hub import require_published
from dino_depth.training.checkpoints import (
    CHECKPOINTS,
    MODEL,
    OPTIMIZER,
    Checkpoints,
    read_record,
    read_tensors,
)
from tests.dino_depth.tiny_corpus import write_tiny_corpus
from tests.interrupted_runs import begin_as, run
from tests.interrupted_verbs import Verb

FEW = {"kills": 3, "fulls": 1, "quotas": 1}
ALL = {"kills": None, "fulls": None, "quotas": 40}
TINY = (
    "--optim.epochs=1",
    "--optim.warm_up_epochs=0",
    "--data.steps_per_epoch=3",
    "--run.checkpoint_every=1",
    "--run.keep=1",
    "--heads.prototypes=16",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With depth maps, a corpus, and a folder in which there is nothing."""
    root = tmp_path_factory.mktemp("interrupted")
    write_tiny_corpus(root / "corpus", maps=12)
    for name in ("maps", "none", "place"):
        (root / name).mkdir()
    for number in range(5):
        pixels = np.random.default_rng(number).integers(1, 60000, (20, 20), np.uint16)
        np.save(root / "maps" / f"{number}.npy", pixels)
    return root


def _made(root: Path, name: str, do: Callable[[], object]) -> Path:
    """What a command leaves in the folder, and a user's notes in it."""
    made = root / name
    if not made.is_dir():
        begin_as(root / "none", root / "place")
        ended = run(do, root / "place")
        assert ended.status == 0, ended.said
        shutil.copytree(root / "place", made, symlinks=True)
        (next(made.iterdir()) / "notes.txt").write_text("the user's")
    return made


def _corpus(place: Path) -> str:
    try:
        return str([row["hash"] for row in open_corpus(place / "corpus")])
    except DinoDepthError:
        return "absent"


def _run(place: Path) -> str:
    """Whatever is there can be gone on with."""
    latest = Checkpoints(place / "run" / CHECKPOINTS, keep=1).latest()
    if latest is not None:
        read_record(latest)
        for name in (MODEL, OPTIMIZER):
            read_tensors(latest / name)
    lines = place / "run" / "metrics.jsonl"
    if lines.is_file():
        assert [json.loads(line)["step"] for line in lines.read_text().splitlines()[:-1]] == sorted(
            json.loads(line)["step"] for line in lines.read_text().splitlines()[:-1]
        )
    return "whole"


def _encoder(place: Path) -> str:
    if (place / "encoder").exists():
        require_published(place / "encoder")
        return "whole"
    return "absent"


def _verb(root: Path, name: str) -> Verb:
    place, none = root / "place", root / "none"

    def corpus() -> int:
        prepare.ITEMS_A_SHARD = 2
        words = ["--out", str(place / "corpus"), "--source", f"folder={root / 'maps'}", "--depth-unit", "1"]
        return prepare.main(words)

    def train(*more: str) -> int:
        words = ["--config", "smoke", "--data.corpus", str(root / "corpus"), "--run.out", str(place / "run")]
        return pretrain.main([*words, *TINY, *more])

    if name == "prepare":
        return Verb(place, none, corpus, {"corpus": "state.json"}, _corpus)
    if name == "prepare_again":
        begin = _made(root, "made_corpus", corpus)
        return Verb(place, begin, corpus, {"corpus": "state.json"}, _corpus, ("corpus/notes.txt",))
    if name == "pretrain":
        return Verb(place, none, train, {"run/checkpoints/step_00000003": "checkpoint.json"}, _run)
    if name == "resume":
        begin = _made(root, "made_run", lambda: train("--run.stop_after=1"))
        return Verb(
            place,
            begin,
            train,
            {"run/checkpoints/step_00000003": "checkpoint.json"},
            _run,
            ("run/notes.txt",),
        )
    whole = _made(root, "whole_run", train) / "run"
    words = [str(whole), "--out", str(place / "encoder")]

    def published() -> int:  # one that is there is refused, as it is one's own to take away
        return 0 if (place / "encoder").exists() else publish.main(words)

    return Verb(place, none, published, {"encoder": "config.json"}, _encoder)


class TestInterrupted:
    @pytest.mark.parametrize("name", ["prepare", "prepare_again", "pretrain", "publish"])
    def test_a_spread_of_points(self, root: Path, name: str) -> None:
        print(name, _verb(root, name).try_all(**FEW))

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["prepare", "prepare_again", "pretrain", "resume", "publish"])
    def test_every_point(self, root: Path, name: str) -> None:
        print(name, _verb(root, name).try_all(**ALL))
