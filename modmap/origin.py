"""What a result was made of, and whether it is what predicting anew would give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from modmap.calibration import Calibration
from modmap.detector import ModMap
from modmap.detector_protocol import Detector
from modmap.scan import Scan
from modmap.scan_state import scan_state
from modmap.summary import SUMMARY, calibration_entry, grid_entry
from modmap.volume import VoxelGrid


def origin_of(model: Detector, scan: Scan, *, category: str | None = None) -> dict[str, Any]:
    """What a result is made of: the model with its settings, and the scan."""
    return {
        "model": model.fingerprint,
        "provenance": _provenance(model) if isinstance(model, ModMap) else None,
        "source": None if scan.root is None else str(scan.root.resolve()),
        "source_state": scan_state(scan),
        "category": category or scan.category,
    }


def is_done(
    directory: Path,
    model: Detector,
    scan: Scan,
    *,
    category: str | None = None,
    calibration: Calibration | None = None,
    grid: VoxelGrid | None = None,
) -> bool:
    """Whether a directory holds what predicting a scan anew would give; a result half written doesn't count.

    Args:
        directory: Where the result would be.
        model: The model.
        scan: The scan, whose files must be those that the result was made of.
        category: As given to `predict`.
        calibration: The thresholds that the verdict was to be by.
        grid: What the volume must lie in, where that isn't the model's own choice.
    """
    try:
        summary = json.loads((directory / SUMMARY).read_text())
        wanted = {
            "calibration": calibration_entry(calibration),
            **origin_of(model, scan, category=category),
        }
        same_grid = grid is None or grid_entry(grid).items() <= summary["volume"].items()
        return same_grid and all(summary[key] == value for key, value in wanted.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _provenance(model: ModMap) -> dict[str, Any]:
    config, trained = model.config, model.trained
    return {
        "training_scans": trained.scans,
        "categories": trained.categories,
        "views": len(trained.view_ids),
        "epochs": len(trained.losses),
        "last_loss": trained.losses[-1],
        "encoders": {
            "image": {
                "reference": config.image_encoder.reference,
                "sha256": trained.fingerprints.get("image"),
            },
            "depth": {
                "reference": config.depth_encoder.reference,
                "sha256": trained.fingerprints.get("depth"),
            },
        },
        "settings": config.model_dump(mode="json"),
    }
