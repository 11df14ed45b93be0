"""The metrics of a run on resamples of its test scans, from its predictions on disk, and the intervals they give."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.evaluations.intervals import (
    ResampledAUPRO,
    percentile_interval,
    resample_counts,
    resampled_auroc,
)
from benchmarks.evaluations.resample_files import Resamples
from modmap.runs.evaluation_metrics import LIMITS, EvaluationMetrics, judged_volumes
from modmap.scan import Scan

Array = npt.NDArray[Any]

MEAN = "mean"


def category_resamples(
    category: str, metrics: EvaluationMetrics, scans: Sequence[Scan], results: Path
) -> dict[str, Array]:
    """(R,) each metric of a category on resamples of its labelled test scans, which are the same for every method.

    Args:
        category: Its name, which seeds the resamples.
        metrics: What its predictions come to; what isn't there isn't resampled.
        scans: The test scans, in the order of the metrics.
        results: Where `<scan>/volume.npz` is.

    Raises:
        ModMapError: a volume is missing or damaged.
    """
    labelled = [scan for scan in metrics.scans if scan.anomalous is not None]
    columns = {scan.scan: column for column, scan in enumerate(labelled)}
    anomalous = np.array([bool(scan.anomalous) for scan in labelled])
    counts = resample_counts(anomalous, seed=zlib.crc32(category.encode()))
    found: dict[str, Array] = {}
    if metrics.i_auroc is not None:
        found["i_auroc"] = resampled_auroc([scan.score for scan in labelled], anomalous, counts)
    aupro, judged = ResampledAUPRO(), []
    for scan, scores, defects in judged_volumes(scans, results):
        if scan.name in columns:
            aupro.update(scores, defects > 0, defects=defects)
            judged.append(columns[scan.name])
    drawn = counts[:, judged]
    # Few scans with defects may all be missing from a resample; there is no AUPRO of what isn't there.
    if metrics.v_aupro and aupro.components(drawn).all():
        areas = aupro.compute(drawn, LIMITS)
        found |= {f"v_aupro_{round(100 * limit):d}pct": area for limit, area in areas.items()}
    return found


def run_resamples(
    by_category: Mapping[str, Mapping[str, Array]], scans: Mapping[str, Sequence[Scan]]
) -> Resamples:
    """What a run keeps: the resamples of every category, and their mean where all categories have the metric."""
    kept = {
        f"{category}/{name}": one for category, found in by_category.items() for name, one in found.items()
    }
    for name in next(iter(by_category.values()), {}):
        of_all = [found[name] for found in by_category.values() if name in found]
        if len(of_all) == len(by_category):
            kept[f"{MEAN}/{name}"] = np.mean(of_all, axis=0)
    return Resamples(kept, {category: [scan.name for scan in of] for category, of in scans.items()})


def intervals_of(resamples: Resamples) -> dict[str, dict[str, list[float]]]:
    """The 95% interval of each metric by category, and of their mean, for `results.json`."""
    found: dict[str, dict[str, list[float]]] = {}
    for key, values in resamples.metrics.items():
        category, name = key.rsplit("/", 1)
        interval = percentile_interval(values)
        found.setdefault(category, {})[name] = [interval.low, interval.high]
    return found
