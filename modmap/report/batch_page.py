"""The page of many scans: a table that sorts, thumbnails, and the ROC curve where labels exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from modmap.drawing.charts import roc_chart
from modmap.report.page_parts import legend, number, whole_page

LABELS = {True: "defective", False: "good", None: ""}


@dataclass(frozen=True)
class BatchRow:
    """One scan of the table.

    Attributes:
        scan: Its name, and its directory below the page's.
        verdict: `pass`, `fail` or None.
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
    """The page as HTML.

    Args:
        rows: The scans.
        top: Score of the last colour of every thumbnail.
        report_name: File name of a scan's own page in its directory.
    """
    failed = sum(row.verdict == "fail" for row in rows)
    judged = sum(row.verdict is not None for row in rows)
    told = f"{len(rows)} scans" + (
        f", {failed} of {judged} with a verdict failed" if judged else ", no verdicts"
    )
    table = "".join(_row(row, report_name) for row in rows)
    body = f"""<section class="verdict"><h1>{told}</h1></section>
{_roc(rows)}
<section><h2>Scans</h2>{legend(top)}
<div class="scroll"><table class="sortable"><thead><tr><th>worst view</th><th data-sort="text">scan</th>
<th data-sort="text">verdict</th><th class="number" data-sort="number">score</th>
<th class="number" data-sort="number">p-value</th><th class="number" data-sort="number">margin</th>
<th class="number" data-sort="number">defects</th><th data-sort="text">label</th></tr></thead>
<tbody>{table}</tbody></table></div></section>"""
    return whole_page("Scans", body, script="batch.js")


def _row(row: BatchRow, report_name: str) -> str:
    address = f"{quote(row.scan)}/{report_name}"
    verdict = row.verdict or ""
    badge = f'<b style="color:var(--{verdict})">{verdict}</b>' if verdict else ""

    def cell(value: float | None, text: str) -> str:
        return f'<td class="number" data-value="{"" if value is None else repr(value)}">{text}</td>'

    return (
        f'<tr><td><a href="{address}"><img class="thumbnail" src="{row.thumbnail}" '
        f'alt="final map of view {escape(row.worst_view)}"></a></td>'
        f'<td><a href="{address}">{escape(row.scan)}</a></td><td>{badge}</td>'
        + cell(row.score, number(row.score, 4))
        + cell(row.p_value, number(row.p_value))
        + cell(row.margin, number(row.margin))
        + cell(row.defects, "" if row.defects is None else str(row.defects))
        + f"<td>{LABELS[row.anomalous]}</td></tr>"
    )


def _roc(rows: Sequence[BatchRow]) -> str:
    known = [(row.score, row.anomalous) for row in rows if row.anomalous is not None]
    labels = [label for _, label in known]
    if True not in labels or False not in labels:
        return ""
    chart = roc_chart([score for score, _ in known], labels)
    return f"<section><h2>ROC over {len(known)} labelled scans</h2>{chart}</section>"
