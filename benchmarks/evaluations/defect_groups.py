"""The results by groups of defects: of one kind, size, modality or detectability."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.evaluations.ceiling import Ceiling
from benchmarks.evaluations.defect_records import DefectRecord, read_defect_records, records_of_components
from modmap.runs.evaluation_metrics import EvaluationMetrics
from modmap.scan import Scan

SIZES = ((0.0, 2.0), (2.0, 5.0), (5.0, 10.0), (10.0, 20.0), (20.0, math.inf))
CEILING = "v_aupro_ceiling"
# The least d' of each range, and what it is called.
DETECTABILITIES = {"under 5": -math.inf, "5 to 10": 5.0, "10 to 30": 10.0, "over 30": 30.0}


@dataclass(frozen=True)
class Grouping:
    """A way to group defects.

    Attributes:
        group: The group of a defect; None where it belongs to none.
        place: By which groups are sorted.
    """

    group: Callable[[DefectRecord], str | None]
    place: Callable[[str], Any]


def defect_groups(
    metrics: Mapping[str, EvaluationMetrics],
    scans: Mapping[str, Sequence[Scan]],
    ceilings: Mapping[str, Ceiling],
) -> dict[str, dict[str, dict[str, Any]]]:
    """By grouping and group: V-AUPRO@1% and its ceiling over its components, I-AUROC over the scans that have one.

    A scan with defects of two groups counts in both.

    Args:
        metrics: By category.
        scans: The test scans by category.
        ceilings: By category; without one for every category there are none of the groups.
    """
    areas: list[tuple[DefectRecord, float]] = []
    most: list[tuple[DefectRecord, float]] = []
    ranks: list[tuple[list[DefectRecord], float]] = []
    for category, found in metrics.items():
        by_name = {scan.name: scan for scan in scans[category]}
        components = {name: records_of_components(scan) for name, scan in by_name.items()}
        for defect in found.defects:
            if components[defect.scan]:
                record = components[defect.scan][defect.index]
                areas.append((record, defect.area))
                if category in ceilings:
                    most.append((record, ceilings[category].defects[defect.scan, defect.index]))
        ranks += [
            (read_defect_records(by_name[one.scan]), one.outranks)
            for one in found.scans
            if one.outranks is not None
        ]
    known = len(most) == len(areas)
    return {
        heading: _grouped(grouping, areas, ranks, most if known else ())
        for heading, grouping in GROUPINGS.items()
    }


def size_name(record: DefectRecord) -> str:
    """The range of sizes, mm, that a defect falls into."""
    low, high = next(bounds for bounds in SIZES if bounds[0] <= record.size < bounds[1])
    return f"{low:g} to {high:g} mm" if high < math.inf else f"{low:g} mm and more"


def detectability_name(record: DefectRecord) -> str | None:
    """The range of d', its lower end included, that a defect falls into; None where its d' isn't known."""
    if record.detectability is None:
        return None
    return [name for name, least in DETECTABILITIES.items() if record.detectability >= least][-1]


def _natural(name: str) -> tuple[float, str]:
    first: Iterable[str] = name.split()
    number = next(iter(first), "")
    return (float(number), name) if number.replace(".", "").isdigit() else (0.0, name)


GROUPINGS = {
    "kind": Grouping(lambda record: record.kind, _natural),
    "size": Grouping(size_name, _natural),
    "modality": Grouping(lambda record: record.modality, _natural),
    "detectability": Grouping(detectability_name, lambda name: DETECTABILITIES[name]),
}


def _grouped(
    grouping: Grouping,
    areas: Sequence[tuple[DefectRecord, float]],
    ranks: Sequence[tuple[Sequence[DefectRecord], float]],
    most: Sequence[tuple[DefectRecord, float]],
) -> dict[str, dict[str, Any]]:
    area_of, most_of = _by_group(grouping, areas), _by_group(grouping, most)
    rank_of: dict[str, list[float]] = {}
    for records, rank in ranks:
        for name in {grouping.group(record) for record in records}:
            if name is not None:
                rank_of.setdefault(name, []).append(rank)
    return {
        name: {
            "scans": len(rank_of.get(name, ())),
            "i_auroc": _average(rank_of.get(name, ())),
            "components": len(area_of.get(name, ())),
            "v_aupro_1pct": _average(area_of.get(name, ())),
            **({CEILING: _average(most_of[name])} if name in most_of else {}),
        }
        for name in sorted({*area_of, *rank_of}, key=grouping.place)
    }


def _by_group(grouping: Grouping, values: Sequence[tuple[DefectRecord, float]]) -> dict[str, list[float]]:
    grouped: dict[str, list[float]] = {}
    for record, value in values:
        name = grouping.group(record)
        if name is not None:
            grouped.setdefault(name, []).append(value)
    return grouped


def _average(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
