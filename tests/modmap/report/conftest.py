"""Predictions of a good and a defective scan on disk, with their reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from modmap.datasets import load_scan, write_scan
from modmap.detector.model import ModMap
from modmap.report.write import write_reports
from modmap.runs.predict import write_result
from modmap.scan import Scan
from tests.synthetic_scans import ball_scan


@dataclass(frozen=True)
class Reported:
    """Attributes: out: what `modmap predict` would have written, with reports; scans: where the scans are."""

    out: Path
    scans: Path


def _grainy(scan: Scan, seed: int) -> Scan:
    rng = np.random.default_rng(seed)
    views = [
        replace(
            view, image=np.clip(np.array(view.image) + rng.normal(0, 3, (60, 80)), 0, 255).astype(np.uint8)
        )
        for view in scan.views
    ]
    return replace(scan, name=f"good_{seed}", views=tuple(views))


@pytest.fixture(scope="session")
def reported(
    tmp_path_factory: pytest.TempPathFactory,
    make_model: Callable[..., ModMap],
    make_scan: Callable[..., Scan],
) -> Reported:
    """Four views each; the defective scan's name needs escaping."""
    pytest.importorskip("k3d")
    root = tmp_path_factory.mktemp("reports")
    # The pixels lie 3 mm apart: voxels of 4 mm leave no gaps between them.
    training = {"epochs": 40, "tokens_per_batch": None}
    model = make_model(training=training, inference={"voxel": 4.0})
    model.calibrate([_grainy(make_scan(), seed) for seed in range(3)], false_alarm_rate=0.25)
    good = replace(_grainy(make_scan(), 13), anomalous=False)
    bad = replace(make_scan(name="bad <b>&", change=("01", "02")), anomalous=True)
    for place, scan in (("good", good), ("bad", bad)):
        write_scan(scan, root / "scans" / place)
        stored = load_scan(root / "scans" / place)
        result = model.predict(stored)
        write_result(result, stored, root / "out" / place, model=model, formats=("npz",), overlays=False)
    write_reports(root / "out")
    return Reported(root / "out", root / "scans")


@pytest.fixture(scope="session")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a ball with a dent, by a model that lays it on a good one."""
    pytest.importorskip("k3d")
    root = tmp_path_factory.mktemp("compared")
    nominal = ball_scan(views=4, width=160, height=120)
    view = nominal["01"]
    depth, image = np.array(view.depth), np.array(view.image)
    depth[52:68, 72:88] += 3
    image[52:68, 72:88] //= 2
    views = tuple(replace(one, depth=depth, image=image) if one.id == "01" else one for one in nominal.views)
    write_scan(replace(nominal, name="dented", views=views), root / "scan")
    model = ModMap(device="cpu", settings={"inference": {"voxel": 3.0}}).fit(nominal).calibrate(nominal)
    scan = load_scan(root / "scan")
    write_result(model.predict(scan), scan, root / "out", model=model, formats=("npz",), overlays=False)
    write_reports(root / "out")
    return root / "out" / "report.html"
