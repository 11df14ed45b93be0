"""What `summary.json` says of a result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from modmap.calibration import Calibration
from modmap.files.validated_json import validate
from modmap.result import Result, ViewMaps
from modmap.runs.summary_record import FORMAT, Summary
from modmap.types import Array
from modmap.volume import VoxelGrid

SUMMARY = "summary.json"
# By which one is told from another program's file of this name.
SUMMARY_KEYS = ("scan", "score", "model", "modmap_version")


def summarise(result: Result) -> dict[str, Any]:
    """Score, verdict, worst voxel, each view's maxima, notes, times."""
    return {
        "format": FORMAT,
        "scan": result.scan,
        "score": result.score,
        "verdict": result.verdict,
        "p_value": result.p_value,
        "margin": result.margin,
        "inspected": result.inspected,
        "least_inspected": result.least_inspected,
        "not_inspected": None if result.omitted is None else result.omitted.record().model_dump(mode="json"),
        "calibration": calibration_entry(result.calibration),
        "views": {
            view_id: {
                **_maxima(maps),
                "foreground_share": float(maps.foreground.mean()),
            }
            for view_id, maps in result.views.items()
        },
        "volume": _volume_entry(result),
        "volume_refused": result.volume_refused,
        "notes": list(result.notes),
        "seconds": {step: round(took, 3) for step, took in result.seconds.items()},
        "modmap_version": version("modmap"),
    }


def summary_text(summary: Mapping[str, Any], *, where: Path) -> str:
    """The text of `summary.json`.

    Args:
        summary: What `summarise` gave, and what else is known of the result.
        where: The file, for the error.

    Raises:
        ModMapError: it isn't what a summary is, such as a score that is no number.
    """
    record = validate(Summary, dict(summary), where=str(where))
    return json.dumps(record.model_dump(mode="json", exclude_unset=True), indent=2) + "\n"


def calibration_entry(calibration: Calibration | None) -> dict[str, Any] | None:
    """The thresholds that a verdict is by, as plain data."""
    return None if calibration is None else calibration.model_dump(mode="json")


def grid_entry(grid: VoxelGrid) -> dict[str, Any]:
    """Where a volume's voxels are, as plain data."""
    return {"origin_mm": grid.origin.tolist(), "voxel_mm": grid.voxel, "shape": list(grid.shape)}


def _maxima(maps: ViewMaps) -> dict[str, float | None]:
    """The largest score of each map that was asked, None where it says nothing."""
    asked: dict[str, Array | None] = {
        "image": None if maps.image_tokens is None else maps.image(),
        "depth": None if maps.depth_tokens is None else maps.depth(),
        **{str(kind): scores for kind, scores in maps.evidence.items()},
    }
    found: dict[str, float | None] = {}
    for name, scores in asked.items():
        if scores is not None:
            said = scores[np.isfinite(scores)]
            found[f"{name}_max"] = float(said.max()) if len(said) else None
    return found


def _volume_entry(result: Result) -> dict[str, Any] | None:
    if result.volume is None:
        return None
    volume = result.volume
    worst = np.array(np.unravel_index(np.nanargmax(volume.scores), volume.grid.shape))
    return {
        **grid_entry(volume.grid),
        "observed_voxels": int(volume.observed.sum()),
        "worst_voxel": worst.tolist(),
        "worst_voxel_centre_mm": volume.grid.centres(worst[None])[0].tolist(),
    }
