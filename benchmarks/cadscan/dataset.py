"""A data set of SiM3D's shape, made scan by scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.cadscan.card import write_card
from benchmarks.cadscan.parts import CATEGORIES, export_cad
from benchmarks.cadscan.scan_jobs import DatasetError, DatasetSettings, scan_jobs
from benchmarks.cadscan.scan_making import write_scan
from benchmarks.cadscan.settings_file import SETTINGS
from benchmarks.cadscan.workers import run_all
from benchmarks.runs.kept_settings import keep_settings
from modmap.files.atomic import flush_all, remove_leftovers, staging

__all__ = ["DatasetError", "DatasetSettings", "make_dataset"]


def make_dataset(
    out: Path, settings: DatasetSettings, *, categories: Sequence[str] = CATEGORIES, workers: int = 1
) -> None:
    """Makes a data set, or the scans of it that are missing; the bytes do not depend on the workers.

    Categories can be added to a set later, or made by several processes at once.

    Raises:
        DatasetError: there is no such category, or as `DatasetSettings.check`.
        ViewError: as `DatasetSettings.check`.
        DefectError: no defect of the sizes that were asked for could be found on some part.
        SettingsError: `out` has a set of other settings.
    """
    for category in categories:
        if category not in CATEGORIES:
            raise DatasetError(f"categories: expected some of {', '.join(CATEGORIES)}, found {category!r}")
    settings.check()
    keep_settings(out, asdict(settings), file=SETTINGS)
    remove_leftovers(out)
    for category in categories:
        if not (out / category / f"{category}.stl").exists():
            _write_cad(out, category)
    jobs = [job for category in categories for job in scan_jobs(out, settings, category)]
    missing = [job for job in jobs if not (out / job.relative).exists()]
    run_all(write_scan, missing, workers=workers, title="scans")
    write_card(out)


def _write_cad(out: Path, category: str) -> None:
    with staging(out) as partial:
        step, stl = export_cad(category, partial)
        flush_all(partial)
        (out / category).mkdir(exist_ok=True)
        step.replace(out / category / step.name)
        stl.replace(out / category / stl.name)  # the last one tells that both are there
