"""The results of a run on a data set of SiM3D's shape as a table to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.evaluations.defect_groups import CEILING
from benchmarks.evaluations.intervals import Interval
from benchmarks.evaluations.published import published
from benchmarks.evaluations.scan_resamples import MEAN
from benchmarks.runs.markdown import NO_NUMBER, markdown, number

METRICS = {
    "i_auroc": "I-AUROC",
    "average_precision": "AP",
    "v_aupro_1pct": "V-AUPRO@1%",
    "v_aupro_5pct": "@5%",
    "v_aupro_30pct": "@30%",
}
CEILING_NOTE = """\
`ceiling` is what V-AUPRO is at most, at every limit: the share of a defect's voxels that the scans measure, a mean over
the defects.
"""


def results_table(results: Mapping[str, Any], *, title: str, setup: str, seconds: Mapping[str, float]) -> str:
    """Markdown: a row per category, their mean, and the groups of defects.

    The paper's number stands beside ours where the category is one of SiM3D's.

    Args:
        results: Content of `results.json`.
        title: Of the table.
        setup: `real2real` or `synth2real`.
        seconds: Mean wall time of a scan's prediction, by category.
    """
    categories: Mapping[str, Mapping[str, Any]] = results["categories"]
    paper = {name: published(name, setup=setup) for name in ("i_auroc", "v_aupro_1pct")}
    beside = any(category in paper["i_auroc"] for category in categories)
    bounded = any(CEILING in row for row in categories.values())
    columns = METRICS | ({CEILING: "ceiling"} if bounded else {})
    header = ["category", "scans", "anomalous", *columns.values(), "s/scan"]
    header += ["paper I-AUROC", "paper V-AUPRO@1%"] if beside else []
    rows = []
    for category, row in categories.items():
        cells = [category, str(row["scans"]), str(row["anomalous"])]
        cells += [number(row.get(name)) for name in columns]
        cells.append(f"{seconds[category]:.1f}")
        cells += [number(values.get(category)) for values in paper.values()] if beside else []
        rows.append(cells)
    for category, reason in results["failed"].items():
        rows.append([category, f"**failed**: {reason}", *[""] * (len(header) - 2)])
    whole = not results["failed"] and set(categories) == set(paper["i_auroc"]) - {"mean"}
    mean = ["**mean**", "", "", *(number(results["mean"].get(name)) for name in columns), ""]
    mean += [number(values["mean"]) if whole else "" for values in paper.values()] if beside else []
    parts = [f"# {title}\n", markdown(header, [*rows, mean])]
    if bounded:
        parts.append("\n" + CEILING_NOTE.rstrip("\n"))
    if results["intervals"]:
        parts.append(
            "\n## 95% of 1000 resamples of the test scans\n\n" + _interval_table(results["intervals"])
        )
    for heading, groups in results["defects"].items():
        if groups:
            parts.append(f"\n## By {heading}\n\n" + _group_table(heading, groups))
    notes = [f"- {category}: {note}" for category, row in categories.items() for note in row["notes"]]
    if notes:
        parts.append("\n" + "\n".join(notes))
    return "\n".join(parts) + "\n"


def _interval_table(intervals: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    resampled = [name for name in METRICS if any(name in row for row in intervals.values())]
    rows = []
    for category, row in intervals.items():
        cells = [str(Interval(*row[name])) if name in row else NO_NUMBER for name in resampled]
        rows.append([f"**{category}**" if category == MEAN else category, *cells])
    return markdown(["category", *(METRICS[name] for name in resampled)], rows)


def _group_table(heading: str, groups: Mapping[str, Mapping[str, Any]]) -> str:
    bounded = any(CEILING in row for row in groups.values())
    header = [heading, "scans", "I-AUROC", "components", "V-AUPRO@1%", *(["ceiling"] if bounded else [])]
    rows = [
        [
            name,
            str(row["scans"]),
            number(row["i_auroc"]),
            str(row["components"]),
            number(row["v_aupro_1pct"]),
            *([number(row.get(CEILING))] if bounded else []),
        ]
        for name, row in groups.items()
    ]
    return markdown(header, rows)
