"""A small data set of SiM3D's shape, and random encoders to evaluate on it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.runs import measured_process
from tests import fork_server
from tests.ball_data_set import write_ball_category
from tests.modmap.conftest import write_encoder


@pytest.fixture(scope="session")
def balls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two categories of balls, each with two nominal and two anomalous test scans."""
    root = tmp_path_factory.mktemp("balls")
    write_ball_category(root, "small_ball", radius=45.0, seed=1)
    write_ball_category(root, "large_ball", radius=60.0, seed=2)
    return root


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Sequence[str]:
    """Words of the command line for an evaluation in seconds: random encoders, a short training."""
    root = tmp_path_factory.mktemp("encoders")
    image = write_encoder(root / "image")
    depth = write_encoder(root / "depth", channels=24, in_chans=1, seed=1)
    return (
        *("--image-encoder", f"local-dir:{image}", "--depth-encoder", f"local-dir:{depth}"),
        *("--preset", "fast", "--size", "112", "--device", "cpu"),
        *("--set", "training.epochs=60", "training.pairs_per_batch=4", "training.tokens_per_batch=200"),
    )


@pytest.fixture
def measured_in_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured in a process of its own begins at once, with more imported than it needs."""

    def run(
        command: Sequence[str], *, env: Mapping[str, str], **_: object
    ) -> subprocess.CompletedProcess[str]:
        assert command[0] == sys.executable
        return fork_server.run(command[1:], env=env)

    monkeypatch.setattr(measured_process, "subprocess", SimpleNamespace(run=run))
