"""Predictions of balls on disk, where an evaluation would have written them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from modmap.datasets import find_scans
from modmap.detector.model import ModMap
from modmap.runs.evaluation_metrics import scan_grid
from modmap.runs.predict import write_result
from tests.ball_data_set import write_ball


@dataclass(frozen=True)
class Evaluated:
    """Attributes: out: the results; data: the scans, ball_00 and ball_01 nominal, ball_02_bad with a square."""

    out: Path
    data: Path

    def place(self, scan: str) -> Path:
        """Where the results of a scan are."""
        return self.out / "ball" / "scans" / scan


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory, make_model: Callable[..., ModMap]) -> Evaluated:
    """Three views each, ground truth for all, volumes in its grid."""
    root = tmp_path_factory.mktemp("evaluated")
    rng = np.random.default_rng(0)
    for name in ("ball_00", "ball_01", "ball_02_bad"):
        bad = name.endswith("bad")
        write_ball(root / "data" / "ball" / name, radius=55.0, rng=rng, defective=bad, truth=True)
    scans = find_scans(root / "data")
    model = make_model(scans[0])
    made = Evaluated(root / "out", root / "data")
    for scan in scans:
        result = model.predict(scan, grid=scan_grid(scan, None))
        write_result(result, scan, made.place(scan.name), model=model, formats=("npz",), overlays=False)
    return made
