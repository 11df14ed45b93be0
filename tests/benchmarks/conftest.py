"""A small data set of SiM3D's shape, and random encoders to evaluate on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

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
