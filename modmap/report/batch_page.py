"""The page of many scans: a table that sorts, thumbnails, and the ROC curve where labels exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modmap.report.charts import roc_chart
from modmap.report.templates import render

# What must be looked at comes first.
ORDER = ("fail", "not inspected", None, "pass")


@dataclass(frozen=True)
class BatchRow:
    """One scan of the table.

    Attributes:
        scan: Its name, and its directory below the page's.
        verdict: `pass`, `fail`, `not inspected` or None.
        score: Its score.
        p_value: Its p-value, or None.
        margin: Its margin, or None.
        defects: How many; None where they weren't looked for.
        anomalous: Its label, or None.
        worst_view: The view with the largest score.
        thumbnail: Its final map, as an address.
    """

    scan: str
    verdict: str | None
    score: float
    p_value: float | None
    margin: float | None
    defects: int | None
    anomalous: bool | None
    worst_view: str
    thumbnail: str


def batch_page(rows: Sequence[BatchRow], *, top: float, report_name: str) -> str:
    """The page as HTML: what failed first, then what too little was seen of, each by score.

    Args:
        rows: The scans.
        top: Score of the last colour of every thumbnail.
        report_name: File name of a scan's own page in its directory.
    """
    labelled = [(row.score, row.anomalous) for row in rows if row.anomalous is not None]
    both = len({label for _, label in labelled}) == 2
    return render(
        "batch.html",
        title="Scans",
        scripts=("batch.js",),
        data=None,
        rows=sorted(rows, key=lambda row: (ORDER.index(row.verdict), -row.score, row.scan)),
        judged=sum(row.verdict is not None for row in rows),
        failed=sum(row.verdict == "fail" for row in rows),
        unseen=sum(row.verdict == "not inspected" for row in rows),
        labelled=len(labelled),
        roc=roc_chart(*zip(*labelled, strict=True)) if both else None,
        top=top,
        report_name=report_name,
    )
