"""Which recorded defect each piece of ground truth is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modmap.datasets import GroundTruth, read_ground_truth
from modmap.errors import ModMapError
from modmap.scan import Scan

RECORDS = "defects.json"


@dataclass(frozen=True)
class DefectRecord:
    """A defect as a data set tells it.

    Attributes:
        kind: Such as dent.
        size: mm.
        modality: That can show it: image, depth or both.
        centre: (x, y, z) mm, world frame.
        detectability: d' in the view that shows most of it, depth and image together; None where the data set doesn't
            know it.
    """

    kind: str
    size: float
    modality: str
    centre: tuple[float, float, float]
    detectability: float | None = None


def read_defect_records(scan: Scan) -> list[DefectRecord]:
    """The defects that a scan's `defects.json` tells of; none where it has no such file.

    Raises:
        ModMapError: the file is damaged.
    """
    path = Path(scan.root or ".") / RECORDS
    if scan.root is None or not path.is_file():
        return []
    try:
        return [
            DefectRecord(
                str(entry["kind"]),
                float(entry["size_mm"]),
                str(entry["modality"]),
                _centre(entry["centre_mm"]),
                float(entry["detectability"]["best_view"]) if "detectability" in entry else None,
            )
            for entry in json.loads(path.read_text(encoding="utf-8"))
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ModMapError(
            f"{path}: expected defects with kind, size_mm, modality, centre_mm and, where there is one, "
            f"detectability with best_view, found {error!r}"
        ) from None


def records_of_components(scan: Scan) -> list[DefectRecord]:
    """The record of each component of a scan's ground truth, in the order of `GroundTruth.pieces`.

    Where the ground truth says which defect a voxel is of, number n is the n-th record's, and a record of which nothing
    is in the mask has no component. Else a component belongs to the defect whose centre is nearest to one of its
    voxels, in sizes of the defect; a defect may have several components. Empty where the scan has no records or no
    ground truth.

    Raises:
        ModMapError: a file is damaged, or the ground truth has a defect that is not recorded.
    """
    records = read_defect_records(scan)
    if not records or scan.ground_truth is None:
        return []
    truth = read_ground_truth(scan.ground_truth)
    if truth.defect is None:
        return _nearest(records, truth)
    numbers = np.unique(truth.defect[truth.mask])
    if len(numbers) and numbers[-1] > len(records):
        raise ModMapError(
            f"{scan.ground_truth}: expected defects 1 to {len(records)}, as in {RECORDS}, found {numbers[-1]}"
        )
    return [records[number - 1] for number in numbers]


def _nearest(records: Sequence[DefectRecord], truth: GroundTruth) -> list[DefectRecord]:
    labels, count = truth.pieces()
    assigned = []
    for component in range(1, count + 1):
        voxels = truth.origin + (np.argwhere(labels == component) + 0.5) * truth.voxel
        distances = [
            float(np.linalg.norm(voxels - record.centre, axis=1).min()) / max(record.size / 2, truth.voxel)
            for record in records
        ]
        assigned.append(records[int(np.argmin(distances))])
    return assigned


def _centre(values: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
