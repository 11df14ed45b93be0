"""Thresholds of a model, and how it is calibrated."""

from __future__ import annotations

from tests.bad_inputs.row_makers import MAPPING, NAN, FileRows, key, words
from tests.bad_inputs.table import Fault, Row

_THRESHOLDS = FileRows("{mapping}/calibration.json", MAPPING)

THRESHOLDS = Fault(
    "Thresholds that can't be believed",
    means="calibration.json is damaged, of another version or another model, or holds a value that no calibration gives. "
    "Without sound thresholds there is no verdict.",
    do="Calibrate the model again: modmap calibrate MODEL GOOD_SCANS.",
    rows=(
        _THRESHOLDS.text("thresholds_empty", "", "expected JSON, found an empty file"),
        _THRESHOLDS.cut("thresholds_cut", "broken JSON at line 23, column 7: Expecting value"),
        _THRESHOLDS.text(
            "thresholds_nested",
            "[" * 100_000,
            "expected JSON of a few levels, found lists or objects nested too deeply",
        ),
        _THRESHOLDS.key("thresholds_format", "format", 7, "expected thresholds of format 1, found 7"),
        _THRESHOLDS.key(
            "thresholds_of_other_model",
            "model",
            "0" * 64,
            "expected thresholds of this model (...), found those of another, or of this one with other settings or encoders (000000000000): calibrate it again",
        ),
        _THRESHOLDS.value(
            "thresholds_key", "categories//scan_thresholds", 1, "unknown key; did you mean scan_threshold?"
        ),
        _THRESHOLDS.value(
            "thresholds_nan", "categories//scan_threshold", NAN, "expected a finite number, found NaN"
        ),
        _THRESHOLDS.value(
            "thresholds_infinite",
            "categories//voxel_threshold",
            float("inf"),
            "expected a finite number, found Infinity",
        ),
        _THRESHOLDS.value(
            "thresholds_null", "categories//pixel_threshold", None, "expected a valid number, found null"
        ),
        _THRESHOLDS.value(
            "thresholds_rate_2", "categories//false_alarm_rate", 2, "expected less than 1, found 2"
        ),
        _THRESHOLDS.value(
            "thresholds_rate_0", "categories//false_alarm_rate", 0, "expected greater than 0, found 0"
        ),
        _THRESHOLDS.value(
            "thresholds_share", "categories//surface_share", 1.5, "expected less than 1, found 1.5"
        ),
        _THRESHOLDS.value(
            "thresholds_basis",
            "categories//basis",
            "feeling",
            "expected 'conformal', 'jittered_copies', 'leave_one_view_out' or 'nominal_scan', found \"feeling\"",
        ),
        _THRESHOLDS.key(
            "thresholds_scores_nan",
            "categories//scores",
            [NAN],
            "categories..scores.0: expected a finite number, found NaN",
        ),
        _THRESHOLDS.key(
            "thresholds_no_scores",
            "categories//scores",
            [],
            'categories.: expected scores with basis jittered_copies, found {"basis": "jittered_copies", "false_alarm_rate": 0.05, "s...',
        ),
        _THRESHOLDS.value(
            "thresholds_no_views",
            "categories//views",
            [],
            "list should have at least 1 item after validation, not 0, found []",
        ),
        _THRESHOLDS.value(
            "thresholds_no_scans",
            "categories//scans",
            [],
            "list should have at least 1 item after validation, not 0, found []",
        ),
        _THRESHOLDS(
            "thresholds_wrong_count",
            lambda w: [
                key(_THRESHOLDS.file, f"categories//{name}", value)(w)
                for name, value in (("basis", "conformal"), ("scans", ["a", "b"]))
            ],
            'categories.: expected a score of each of 2 scans, found 16, found {"basis": "conformal", "false_alarm_rate": 0.05, "surface...',
        ),
        Row(
            "thresholds_missing_asked",
            lambda w: (w.mapping / "calibration.json").unlink(),
            MAPPING + " --fail-on-defect",
            "predict: --fail-on-defect: expected a calibrated model, found no thresholds for ball in {mapping}: run modmap calibrate first",
            2,
        ),
        words(
            "calibrate_rate_0",
            "modmap calibrate {mapping} {scan} --false-alarm-rate 0",
            "calibrate: false-alarm rate: expected a number between 0 and 1, found 0.0",
        ),
        words(
            "calibrate_rate_nan",
            "modmap calibrate {mapping} {scan} --false-alarm-rate nan",
            "calibrate: false-alarm rate: expected a number between 0 and 1, found nan",
        ),
        words(
            "calibrate_share_1",
            "modmap calibrate {mapping} {scan} --surface-share 1",
            "calibrate: surface share: expected a number from 0 to below 1, found 1.0",
        ),
        Row(
            "calibrate_few_scans",
            lambda w: w.set(w.scan / "scan.json", "name", "another"),
            "modmap calibrate {mapping} {scan} --false-alarm-rate 0.01",
            "calibrate: a false-alarm rate of 0.01: expected at least 99 good scans, found 1; they can hold 0.5 at the lowest",
        ),
        words(
            "calibrate_no_model",
            "modmap calibrate {nowhere} {scan}",
            "calibrate: {nowhere}: expected the directory of a model, found none",
            2,
        ),
        words(
            "calibrate_no_scan",
            "modmap calibrate {mapping} {nowhere}",
            "{nowhere}: expected a directory of scans, found none",
        ),
    ),
)

FAULTS = (THRESHOLDS,)
