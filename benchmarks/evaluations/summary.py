"""From the metrics of every category to the results of a run: by category, their mean, by kind, size and modality."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.evaluations.defect_records import DefectRecord, read_defect_records, records_of_components
from modmap.errors import ModMapError
from modmap.runs.evaluation_metrics import EvaluationMetrics
from modmap.scan import Scan

SIZES = ((0.0, 2.0), (2.0, 5.0), (5.0, 10.0), (10.0, 20.0), (20.0, float("inf")))
Group = Callable[[DefectRecord], str]


def summarise(
    metrics: Mapping[str, EvaluationMetrics],
    scans: Mapping[str, Sequence[Scan]],
    *,
    failed: Mapping[str, str],
) -> dict[str, Any]:
    """The content of `results.json`; it holds no times, so that the same results are the same bytes.

    Args:
        metrics: By category.
        scans: The test scans by category.
        failed: Why there are no metrics, by category.
    """
    by_category = {category: found.row() for category, found in metrics.items()}
    return {
        "categories": by_category,
        "mean": _mean(list(by_category.values())),
        "defects": {
            "kind": _groups(metrics, scans, lambda record: record.kind),
            "size": _groups(metrics, scans, size_name),
            "modality": _groups(metrics, scans, lambda record: record.modality),
        },
        "failed": dict(failed),
    }


def scan_lines(metrics: Mapping[str, EvaluationMetrics]) -> list[dict[str, Any]]:
    """The lines of `scans.jsonl`, one per scan."""
    return [
        {
            "category": category,
            "scan": scan.scan,
            "anomalous": scan.anomalous,
            "score": scan.score,
            "outranks": scan.outranks,
            "seconds": scan.seconds,
        }
        for category, found in metrics.items()
        for scan in found.scans
    ]


def read_scan_lines(path: Path, category: str) -> list[dict[str, Any]]:
    """Those lines of a `scans.jsonl` that are of one category.

    Raises:
        ModMapError: there is none, or the file isn't there.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ModMapError(
            f"{path}: expected the scans of a finished evaluation ({error.strerror})"
        ) from error
    found = [line for line in map(json.loads, lines) if line["category"] == category]
    if not found:
        raise ModMapError(f"{path}: expected test scans of {category}, found none")
    return found


def size_name(record: DefectRecord) -> str:
    """The range of sizes, mm, that a defect falls into."""
    low, high = next(bounds for bounds in SIZES if bounds[0] <= record.size < bounds[1])
    return f"{low:g} to {high:g} mm" if high < float("inf") else f"{low:g} mm and more"


def _mean(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The mean of each metric over the categories that have it."""
    names = [name for row in rows for name, value in row.items() if isinstance(value, float)]
    means = {}
    for name in dict.fromkeys(names):
        values = [row[name] for row in rows if isinstance(row.get(name), float)]
        means[name] = sum(values) / len(values)
    return means


def _groups(
    metrics: Mapping[str, EvaluationMetrics], scans: Mapping[str, Sequence[Scan]], group: Group
) -> dict[str, dict[str, Any]]:
    """By group of defects: V-AUPRO@1% over its components, I-AUROC over the scans that have one.

    A scan with defects of two groups counts in both.
    """
    areas: dict[str, list[float]] = {}
    ranks: dict[str, list[float]] = {}
    for category, found in metrics.items():
        by_name = {scan.name: scan for scan in scans[category]}
        components = {name: records_of_components(scan) for name, scan in by_name.items()}
        for defect in found.defects:
            records = components[defect.scan]
            if records:
                areas.setdefault(group(records[defect.index]), []).append(defect.area)
        for one in found.scans:
            if one.outranks is not None:
                for name in {group(record) for record in read_defect_records(by_name[one.scan])}:
                    ranks.setdefault(name, []).append(one.outranks)
    return {
        name: {
            "scans": len(ranks.get(name, ())),
            "i_auroc": _average(ranks.get(name, ())),
            "components": len(areas.get(name, ())),
            "v_aupro_1pct": _average(areas.get(name, ())),
        }
        for name in sorted({*areas, *ranks}, key=_natural)
    }


def _average(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _natural(name: str) -> tuple[float, str]:
    first: Iterable[str] = name.split()
    number = next(iter(first), "")
    return (float(number), name) if number.replace(".", "").isdigit() else (0.0, name)
