"""Successes and failures of predictions on disk, one row per scan (Figs. 5 and 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from modmap.datasets import find_scans
from modmap.drawing.legend import draw_legend
from modmap.drawing.picture import Picture
from modmap.drawing.table import PLAIN, TALLEST_LEGEND, picture_table
from modmap.errors import ModMapError, UsageError
from modmap.figures.choice import Shown, find_predictions, highest, named, successes_and_failures
from modmap.figures.scan_row import COLUMNS, missing, scan_row
from modmap.runs.stored_results import common_top, source_scan
from modmap.scan import Scan

NOTES = (
    "anomaly map: over the image, the more opaque the higher; boxes: ground truth",
    "volume: the largest score along the line of sight, over the part's surface, near being light; z is up",
)
NO_LABELS = (
    "no directory of results has both nominal and anomalous scans: the highest scores are shown instead"
)


@dataclass(frozen=True, eq=False)
class Qualitative:
    """Pictures by name, and remarks of one line on what isn't in them."""

    pictures: dict[str, Picture]
    remarks: list[str]


def qualitative_pictures(
    directories: Sequence[Path],
    *,
    count: int = 3,
    only: Sequence[str] = (),
    view_id: str | None = None,
    scans: Path | None = None,
    failed: Callable[[str], None] | None = None,
) -> Qualitative:
    """`successes` and `failures` by score and label; `qualitative` where scans are named, or have no labels.

    All share one colour scale, drawn beside them. One view of one scan is in memory at a time.

    Args:
        directories: Results of `modmap predict`, `modmap evaluate` or a benchmark.
        count: At most so many scans found, so many missed and so many false alarms.
        only: Names of the scans to show; empty to choose by score and label.
        view_id: The view to show; None chooses one for each scan.
        scans: Where the scans are, if they are no longer where they were predicted from.
        failed: Called with a line on each result that can't be shown, which is left out; None: it is an error.

    Raises:
        UsageError: there is no result, or `count` isn't positive.
        ModMapError: a result or its scan can't be read, or there is no such scan or view.
    """
    if count < 1:
        raise UsageError(f"qualitative: --count: expected at least 1, found {count}")
    predicted = find_predictions(directories, failed=failed)
    remarks: list[str] = []
    chosen: dict[str, list[Shown]] = {}
    if only:
        chosen["qualitative"] = named(predicted, only)
    elif (both := successes_and_failures(predicted, count)) is not None:
        chosen["successes"], chosen["failures"] = both
    else:
        remarks.append(NO_LABELS)
        chosen["qualitative"] = highest(predicted, count)
    known = [] if scans is None else find_scans(scans, failed=failed)
    every = [shown for rows in chosen.values() for shown in rows]
    top = common_top(shown.predicted.summary for shown in every) or 1.0
    pictures = {}
    for name, rows in chosen.items():
        if not rows:
            remarks.append(_none(name))
            continue
        picture = _picture(name, rows, known, top, view_id, remarks, runs=len(directories), failed=failed)
        if picture is not None:
            pictures[name] = picture
    return Qualitative(pictures, remarks)


def _picture(
    name: str,
    rows: Sequence[Shown],
    known: Sequence[Scan],
    top: float,
    view_id: str | None,
    remarks: list[str],
    *,
    runs: int,
    failed: Callable[[str], None] | None,
) -> Picture | None:
    drawn = []
    for shown in rows:
        run = shown.predicted.run.name if runs > 1 else None
        try:
            scan = source_scan(shown.predicted.summary, known, shown.predicted.place)
            row = scan_row(shown, scan, view_id=view_id, top=top, run=run)
        except (ModMapError, OSError) as error:
            if failed is None:
                raise
            failed(str(error))
            continue
        remarks += missing(shown, scan)
        drawn.append(row)
    if not drawn:
        return None
    height = sum(
        max((len(cell) for cell in row.cells if not isinstance(cell, str)), default=0) for row in drawn
    )
    legend = draw_legend(min(TALLEST_LEGEND, height), top, lettering=PLAIN)
    title = name.capitalize() if name != "qualitative" else "Predictions"
    return Picture(picture_table(title, drawn, columns=COLUMNS, notes=NOTES, legend=legend))


def _none(name: str) -> str:
    if name == "successes":
        return "successes: none: no defective scan scores above most of the good ones beside it"
    return "failures: none: every defective scan scores above every good one beside it"
