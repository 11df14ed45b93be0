"""From the metrics of every category to the results of a run: by category, their mean, by groups of defects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.evaluations.ceiling import Ceiling
from benchmarks.evaluations.defect_groups import CEILING, defect_groups
from modmap.errors import ModMapError
from modmap.runs.evaluation_metrics import EvaluationMetrics
from modmap.scan import Scan


def summarise(
    metrics: Mapping[str, EvaluationMetrics],
    scans: Mapping[str, Sequence[Scan]],
    *,
    failed: Mapping[str, str],
    ceilings: Mapping[str, Ceiling],
) -> dict[str, Any]:
    """The content of `results.json`; it holds no times, so that the same results are the same bytes.

    Args:
        metrics: By category.
        scans: The test scans by category.
        failed: Why there are no metrics, by category.
        ceilings: Of V-AUPRO by category, where they are known.
    """
    by_category = {category: found.row() for category, found in metrics.items()}
    for category, ceiling in ceilings.items():
        by_category[category][CEILING] = ceiling.v_aupro
    return {
        "categories": by_category,
        "mean": _mean(list(by_category.values())),
        "defects": defect_groups(metrics, scans, ceilings),
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


def _mean(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The mean of each metric over the categories that have it."""
    names = [name for row in rows for name, value in row.items() if isinstance(value, float)]
    means = {}
    for name in dict.fromkeys(names):
        values = [row[name] for row in rows if isinstance(row.get(name), float)]
        means[name] = sum(values) / len(values)
    return means
