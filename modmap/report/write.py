"""Writing reports of predictions that lie in a directory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from modmap.calibration import Calibration
from modmap.datasets import find_scans
from modmap.defects import read_defects
from modmap.defects.files import JSON_NAME
from modmap.errors import ModMapError, UsageError
from modmap.files.atomic import FullDiskError, atomic_file
from modmap.files.renewal import finish, kept
from modmap.files.validated_json import validate
from modmap.report.batch_page import BatchRow, batch_page
from modmap.report.picture_address import picture_address
from modmap.report.scan_page import ScanReport, scan_page
from modmap.report.view_strip import final_picture, view_pictures
from modmap.runs.map_files import read_maps
from modmap.runs.not_inspected_files import read_not_inspected
from modmap.runs.result_files import REPORT, result_directories
from modmap.runs.stored_results import VOLUME, common_top, read_summary, source_scan
from modmap.runs.summary import SUMMARY
from modmap.runs.volume_files import load_volume
from modmap.scan import Scan

Made = TypeVar("Made")

BATCH = "index.html"


def write_reports(
    output: Path, *, scans: Path | None = None, failed: Callable[[str], None] | None = None
) -> list[Path]:
    """Writes `report.html` beside every result in a directory, and `index.html` with all of them.

    Args:
        output: Where `modmap predict` wrote, or one scan's directory in it.
        scans: Where the scans are, if they are no longer where they were predicted from.
        failed: Called with a line on each result that can't be shown, which is left out; None: it is an error.

    Returns:
        The pages, the one of all scans last.

    Raises:
        ModMapError: without `failed`, a result or its scan can't be read; with it, none can be.
        UsageError: there is no result.
    """
    finish(output)
    places = [output] if (output / SUMMARY).is_file() else result_directories(output)
    if not places:
        raise UsageError(f"report: {output}: expected results of modmap predict, found none")
    known = [] if scans is None else find_scans(scans, failed=failed)

    def each(one: Callable[[Path], Made], some: Iterable[Path]) -> dict[Path, Made]:
        made = {}
        for place in some:
            try:
                made[place] = one(place)
            except FullDiskError:
                raise  # the next one would fare no better
            except (ModMapError, OSError) as error:
                if failed is None:
                    raise
                failed(str(error))
        return made

    summaries = each(read_summary, places)
    sources = each(lambda place: source_scan(summaries[place], known, place), summaries)
    top = common_top(summaries[place] for place in sources) if sources else 0.0

    def write(place: Path) -> BatchRow:
        with kept(place):  # a page of one result beside another would not be told from its own
            if read_summary(place) != summaries[place]:
                raise ModMapError(
                    f"{place}: expected the result as it was when this began, found one that another process has "
                    "written meanwhile: write the report again"
                )
            report = _report(place, summaries[place], sources[place], top)
            with atomic_file(place / REPORT) as partial:
                partial.write_text(scan_page(report, sources[place]), encoding="utf-8")
        return _row(place, report, sources[place])

    rows = each(write, sources)
    if not rows:
        raise ModMapError(
            f"report: {output}: expected a result that can be shown, found none of {len(places)}"
        )
    pages = [place / REPORT for place in rows]
    if places != [output]:
        with atomic_file(output / BATCH) as partial:
            partial.write_text(batch_page(list(rows.values()), top=top, report_name=REPORT), encoding="utf-8")
        pages.append(output / BATCH)
    return pages


def _report(place: Path, summary: dict[str, Any], scan: Scan, top: float) -> ScanReport:
    calibration = summary.get("calibration")
    volume = place / VOLUME
    views = read_maps(place)
    return ScanReport(
        summary=summary,
        calibration=None
        if calibration is None
        else validate(Calibration, calibration, where=f"{place / SUMMARY}: calibration"),
        defects=read_defects(place) if (place / JSON_NAME).is_file() else None,
        volume=load_volume(volume) if volume.is_file() else None,
        views=views,
        pictures=view_pictures(views, scan),
        top=top,
        omitted=read_not_inspected(place),
    )


def _row(place: Path, report: ScanReport, scan: Scan) -> BatchRow:
    worst = max(report.pictures, key=lambda one: -1.0 if np.isnan(one.worst) else one.worst)
    return BatchRow(
        scan=place.name,
        verdict=report.summary.get("verdict"),
        score=report.summary["score"],
        p_value=report.summary.get("p_value"),
        margin=report.summary.get("margin"),
        defects=None if report.defects is None else len(report.defects),
        anomalous=scan.anomalous,
        worst_view=worst.view,
        thumbnail=picture_address(final_picture(worst, top=report.top), photo=False),
    )
