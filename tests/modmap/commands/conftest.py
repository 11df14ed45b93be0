"""Scans on disk, and a model that the command line fitted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from modmap.datasets import write_scan
from modmap.scan import Scan
from tests.fork_server import run as run_alone


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory, make_scan: Callable[..., Scan]) -> Path:
    """A directory with a good scan, one with a defect and one without cameras."""
    root = tmp_path_factory.mktemp("scans")
    write_scan(make_scan(name="good"), root / "good")
    write_scan(make_scan(name="bad", change=("00", "01")), root / "bad")
    record = json.loads((root / "good" / "scan.json").read_text())
    for view in record["views"]:
        for key in ("K", "K_size", "T_world_to_camera"):
            view.pop(key, None)
    write_scan(make_scan(name="uncalibrated"), root / "uncalibrated")
    (root / "uncalibrated" / "scan.json").write_text(json.dumps(record | {"name": "uncalibrated"}))
    return root


@pytest.fixture(scope="session")
def model(
    tmp_path_factory: pytest.TempPathFactory, scans: Path, tiny_encoder: Path, tiny_depth_encoder: Path
) -> Path:
    """A model that a real process fitted."""
    directory = tmp_path_factory.mktemp("model") / "model"
    # The pixels lie 3 mm apart: voxels of 4 mm leave no gaps between them.
    words = [
        "fit",
        str(scans / "good"),
        "-o",
        str(directory),
        "--preset",
        "fast",
        "--size",
        "112",
        "--epochs",
        "6",
        "--voxel",
        "4",
    ]
    words += [
        "--image-encoder",
        f"local-dir:{tiny_encoder}",
        "--depth-encoder",
        f"local-dir:{tiny_depth_encoder}",
    ]
    words += ["--set", "training.pairs_per_batch=4", "training.tokens_per_batch=200"]
    fitted = run_alone(["-m", "modmap.cli", *words])
    assert fitted.returncode == 0, fitted.stderr
    return directory
