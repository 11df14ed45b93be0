"""The whole table, in the page's order."""

from __future__ import annotations

from tests.bad_inputs import (
    cadscan,
    calibration_files,
    cameras,
    cloud_files,
    clouds,
    colmap_models,
    commands,
    corpora,
    depth_files,
    drawings,
    encoders,
    image_files,
    image_pixels,
    images_read,
    model_files,
    model_settings,
    recipes,
    recordings,
    results,
    runs,
    scan_json,
    thresholds,
    transforms_files,
)
from tests.bad_inputs.table import Row, Subject

SUBJECTS = (
    Subject("scan.json", scan_json.FAULTS),
    Subject("Images", image_files.FAULTS + image_pixels.FAULTS + images_read.FAULTS),
    Subject("Depth", depth_files.FAULTS),
    Subject("Cameras", cameras.FAULTS + calibration_files.FAULTS + transforms_files.FAULTS),
    Subject(
        "What scans are imported from",
        clouds.FAULTS + cloud_files.FAULTS + colmap_models.FAULTS + recordings.FAULTS,
    ),
    Subject("Settings and words", commands.FAULTS + drawings.FAULTS),
    Subject("Models", model_files.FAULTS + model_settings.FAULTS + thresholds.FAULTS + encoders.FAULTS),
    Subject("Results, figures and ground truth", results.FAULTS),
    Subject("Pretraining", recipes.FAULTS + corpora.FAULTS + runs.FAULTS),
    Subject("The simulated scanner", cadscan.FAULTS),
)
ROWS: tuple[Row, ...] = tuple(row for subject in SUBJECTS for row in subject.rows)
