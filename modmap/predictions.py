"""Scoring many scans and writing each one's results as it is done."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from modmap.datasets import find_scans
from modmap.datasets.atomic import atomic_directory
from modmap.detector import ModMap
from modmap.errors import ModMapError, UsageError
from modmap.report.overlays import write_overlays
from modmap.result import Result
from modmap.scan import Scan
from modmap.volume_files import VolumeFormat, write_volume

SUMMARY = "summary.json"
CALM = 1.5


def predict_directories(
    model_source: str,
    directories: Sequence[Path],
    *,
    output: Path,
    formats: Sequence[VolumeFormat] = ("npz", "ply", "vti"),
    overlays: bool = True,
    category: str | None = None,
    encoders: tuple[str | None, str | None] = (None, None),
    device: str = "auto",
    resume: bool = False,
) -> int:
    """Scores every scan in some directories.

    All scans are opened and their views matched to the model before the first is scored; a scan that fails later
    is reported and the next one taken.

    Returns:
        0, or 1 if a scan failed.

    Raises:
        ModMapError: the model or a scan can't be opened; two scans would write to one place.
    """
    model = ModMap.from_pretrained(
        model_source, device=device, image_encoder=encoders[0], depth_encoder=encoders[1]
    )
    scans = [scan for directory in directories for scan in find_scans(directory)]
    _require_distinct(scans)
    for scan in scans:
        model.check(scan, category=category)
    failed = 0
    for scan in scans:
        place = output / scan.name
        if resume and is_done(place, model):
            print(f"{scan.name}: already done")
            continue
        try:
            result = model.predict(scan, category=category, progress=sys.stderr.isatty())
            write_result(result, scan, place, model=model, formats=formats, overlays=overlays)
        except ModMapError as error:
            failed += 1
            print(f"modmap: error: {error}", file=sys.stderr)
            continue
        without = "" if result.volume is not None else f", no volume: {result.volume_refused}"
        print(f"{scan.name}: score {result.score:.4f}{without}", flush=True)
    return 1 if failed else 0


def is_done(directory: Path, model: ModMap) -> bool:
    """Whether a directory holds the result of this model; one half written doesn't count."""
    try:
        return bool(json.loads((directory / SUMMARY).read_text())["model"] == model.fingerprint)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_result(
    result: Result,
    scan: Scan,
    directory: Path,
    *,
    model: ModMap,
    formats: Sequence[VolumeFormat] = ("npz", "ply", "vti"),
    overlays: bool = True,
) -> None:
    """Writes `summary.json`, the overlays and the volume of one scan; all of them or, if interrupted, none.

    The colour scale ends at the scan's score or at one and a half times the training scan's own, whichever is larger,
    so that a nominal scan looks calm.
    """
    top = max(result.score, CALM * model.trained.training_score)
    with atomic_directory(directory, replace=True) as partial:
        if overlays:
            write_overlays(result, scan, partial, top=top)
        if result.volume is not None:
            write_volume(result.volume, partial, formats=formats, scale_top=top)
        summary = {
            **summarise(result),
            "model": model.fingerprint,
            "training_score": model.trained.training_score,
        }
        (partial / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n")


def summarise(result: Result) -> dict[str, Any]:
    """What `summary.json` says of a result: score, worst voxel, each view's maxima, notes, times."""
    return {
        "scan": result.scan,
        "score": result.score,
        "views": {
            view_id: {
                "image_max": float(np.nanmax(maps.image())),
                "depth_max": float(np.nanmax(maps.depth())),
                "foreground_share": float(maps.foreground.mean()),
            }
            for view_id, maps in result.views.items()
        },
        "volume": _volume_summary(result),
        "volume_refused": result.volume_refused,
        "notes": list(result.notes),
        "seconds": {step: round(took, 3) for step, took in result.seconds.items()},
        "modmap_version": version("modmap"),
    }


def _volume_summary(result: Result) -> dict[str, Any] | None:
    if result.volume is None:
        return None
    volume = result.volume
    worst = np.array(np.unravel_index(np.nanargmax(volume.scores), volume.grid.shape))
    return {
        "origin_mm": volume.grid.origin.tolist(),
        "voxel_mm": volume.grid.voxel,
        "shape": list(volume.grid.shape),
        "observed_voxels": int(volume.observed.sum()),
        "worst_voxel": worst.tolist(),
        "worst_voxel_centre_mm": volume.grid.centres(worst[None])[0].tolist(),
    }


def _require_distinct(scans: Sequence[Scan]) -> None:
    if not scans:
        raise UsageError("predict: expected at least one scan, found none")
    places: dict[str, Scan] = {}
    for scan in scans:
        other = places.setdefault(scan.name, scan)
        if other is not scan:
            raise UsageError(
                f"predict: {other.root} and {scan.root} would both write to {scan.name}: rename one of them"
            )
