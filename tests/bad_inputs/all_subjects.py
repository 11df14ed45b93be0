"""The whole table."""

from __future__ import annotations

from importlib import import_module

from tests.bad_inputs.table import Row, Subject

MODULES = (
    "scan_json",
    "images",
    "depth_files",
    "cameras",
    "commands",
    "models",
    "results",
    "pretraining",
    "cadscan",
)
SUBJECTS: tuple[Subject, ...] = tuple(import_module(f"tests.bad_inputs.{name}").SUBJECT for name in MODULES)
ROWS: tuple[Row, ...] = tuple(row for subject in SUBJECTS for row in subject.rows)
