"""Predictions of a good and a defective scan on disk, with their reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from modmap.datasets import load_scan, write_scan
from modmap.detector.model import ModMap
from modmap.pod.record import BlindPlace, PodRecord
from modmap.report.pod_page import write_pod_page
from modmap.report.write import write_reports
from modmap.runs.pod_map import MAP
from modmap.runs.pod_trials import TABLE
from modmap.runs.predict import write_result
from modmap.runs.volume_files import save_volume
from modmap.scan import Scan
from modmap.volume import AnomalyVolume
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
def laying() -> tuple[ModMap, Scan]:
    """A model that lays scans on the nominal one, and that."""
    nominal = ball_scan(views=4, width=160, height=120)
    model = ModMap(device="cpu", settings={"inference": {"voxel": 3.0}}).fit(nominal).calibrate(nominal)
    return model, nominal


def _written(model: ModMap, scan: Scan, root: Path, study: PodRecord | None = None) -> Path:
    pytest.importorskip("k3d")
    write_scan(scan, root / "scan")
    stored = load_scan(root / "scan")
    result = model.predict(stored)
    write_result(result, stored, root / "out", model=model, formats=("npz",), overlays=False, study=study)
    write_reports(root / "out")
    return root / "out" / "report.html"


@pytest.fixture(scope="session")
def compared(tmp_path_factory: pytest.TempPathFactory, laying: tuple[ModMap, Scan]) -> Path:
    """The report of a ball with a dent, by a model that lays it on a good one."""
    model, nominal = laying
    view = nominal["01"]
    depth, image = np.array(view.depth), np.array(view.image)
    depth[52:68, 72:88] += 3
    image[52:68, 72:88] //= 2
    views = tuple(replace(one, depth=depth, image=image) if one.id == "01" else one for one in nominal.views)
    return _written(model, replace(nominal, name="dented", views=views), tmp_path_factory.mktemp("compared"))


@pytest.fixture(scope="session")
def cut(tmp_path_factory: pytest.TempPathFactory, laying: tuple[ModMap, Scan]) -> Path:
    """The report of a good ball of which one view is missing and another has half of its depth; there is a study."""
    model, nominal = laying
    depth = np.array(nominal["01"].depth)
    depth[:, :80] = 0
    views = tuple(replace(one, depth=depth) if one.id == "01" else one for one in nominal.views[:3])
    scan = replace(nominal, name="cut", views=views)
    return _written(model, scan, tmp_path_factory.mktemp("cut"), _study(model))


@pytest.fixture(scope="session")
def study_page(tmp_path_factory: pytest.TempPathFactory, laying: tuple[ModMap, Scan]) -> Path:
    """The page of a study in which dents of 1 to 10 mm were found on a ball, the larger the further up."""
    pytest.importorskip("k3d")
    model, nominal = laying
    out = tmp_path_factory.mktemp("study")
    (out / TABLE).write_text("kind,size_mm,hit\n", encoding="utf-8")
    seen = model.predict(nominal).require_volume()
    heights = np.broadcast_to(np.linspace(1, 10, seen.scores.shape[2], dtype=np.float32), seen.scores.shape)
    smallest = AnomalyVolume(seen.grid, np.where(seen.observed, heights, np.float32(np.nan)))
    save_volume(smallest, out / f"{MAP}.npz")
    return write_pod_page(out, _study(model))


def _study(model: ModMap) -> PodRecord:
    blind = BlindPlace(
        reason="glare",
        area_mm2=40.0,
        centre_mm=(60.0, 0.0, 0.0),
        look_from=(1.0, 0.0, 0.0),
        nearest_view="00",
        degrees=7.0,
    )
    return PodRecord(
        date="2026-01-01T00:00:00+00:00",
        model=model.fingerprint,
        scan_threshold=2.0,
        voxel_threshold=2.0,
        false_alarm_rate=0.05,
        guaranteed=False,
        scans=["good"],
        jittered=False,
        sizes_mm=(1.0, 10.0),
        seed=0,
        curves={},
        surface_mm2=1000.0,
        blind_mm2={"glare": 40.0},
        blind=[blind],
    )
