"""What a result was made of, and whether it is what predicting anew would give."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modmap.calibration import Calibration
from modmap.detector.model import ModMap
from modmap.detector.protocol import Detector
from modmap.files.formats import require_format
from modmap.files.renewal import finish
from modmap.files.validated_json import read_json
from modmap.runs.scan_state import content_state, scan_state
from modmap.runs.summary import SUMMARY, calibration_entry, grid_entry
from modmap.runs.summary_record import FORMAT
from modmap.scan import Scan
from modmap.types import VolumeFormat
from modmap.volume import VoxelGrid

DIRECTORY = "local-dir:"


def origin_of(
    model: Detector,
    scan: Scan,
    *,
    category: str | None = None,
    formats: Sequence[VolumeFormat] | None = None,
    overlays: bool | None = None,
    nominal: Scan | None = None,
) -> dict[str, Any]:
    """What a result is made of: the model with its settings, the scans as they are now, and what is asked for.

    To be asked before the scan is predicted: a file that changes meanwhile isn't the one that the result says.

    Args:
        model: The model.
        scan: The scan.
        category: As given to `predict`.
        formats: Of the volume; None leaves them out.
        overlays: Whether every view gets a picture; None leaves it out.
        nominal: The nominal scan that defects are compared with.
    """
    asked = {"formats": None if formats is None else sorted(set(formats)), "overlays": overlays}
    return {
        "model": model.fingerprint,
        "provenance": _provenance(model) if isinstance(model, ModMap) else None,
        "source": None if scan.root is None else str(scan.root.resolve()),
        "source_state": scan_state(scan),
        "source_content": content_state(scan),
        "nominal_state": None if nominal is None else scan_state(nominal),
        "category": category or scan.category,
        "anomalous": scan.anomalous,
        **{key: value for key, value in asked.items() if value is not None},
    }


def is_done(
    directory: Path,
    model: Detector,
    scan: Scan,
    *,
    category: str | None = None,
    calibration: Calibration | None = None,
    grid: VoxelGrid | None = None,
    formats: Sequence[VolumeFormat] | None = None,
    overlays: bool | None = None,
    nominal: Scan | None = None,
) -> bool:
    """Whether a directory holds what predicting a scan anew would give; a result half written doesn't count.

    Args:
        directory: Where the result would be.
        model: The model; where its encoders lie doesn't matter, as long as their weights are the same.
        scan: The scan, whose files and label must be those that the result was made of.
        category: As given to `predict`.
        calibration: The thresholds that the verdict was to be by.
        grid: What the volume must lie in, where that isn't the model's own choice.
        formats: That the volume must be in, and no others; None: any will do.
        overlays: Whether there must be pictures, or must not be; None: it doesn't matter.
        nominal: The nominal scan that defects must be compared with; None: none.
    """
    try:
        finish(directory)
        found = read_json(directory / SUMMARY)
        require_format(found, FORMAT, where=str(directory / SUMMARY))
        wanted = {
            "calibration": calibration_entry(calibration),
            **origin_of(model, scan, category=category, formats=formats, overlays=overlays, nominal=nominal),
        }
        same_grid = grid is None or grid_entry(grid).items() <= found["volume"].items()
        for said in (found, wanted):
            _forget_places(said["provenance"])
        return same_grid and all(found[key] == value for key, value in wanted.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _forget_places(provenance: dict[str, Any] | None) -> None:
    """Takes out where encoders lie whose weights are told by their SHA-256: a directory can be named in many ways."""
    if provenance is None:
        return
    for modality, encoder in provenance["encoders"].items():
        if encoder["sha256"] and str(encoder["reference"]).startswith(DIRECTORY):
            encoder["reference"] = provenance["settings"][f"{modality}_encoder"]["reference"] = DIRECTORY


def _provenance(model: ModMap) -> dict[str, Any]:
    config, trained = model.config, model.trained
    return {
        "training_scans": trained.scans,
        "categories": trained.categories,
        "views": len(trained.view_ids),
        "epochs": len(trained.losses),
        "last_loss": trained.losses[-1] if trained.losses else None,
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
