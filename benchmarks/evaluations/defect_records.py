"""Which recorded defect each connected piece of ground truth belongs to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modmap.datasets import GroundTruth, read_ground_truth
from modmap.errors import ModMapError
from modmap.metrics import label_defects
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
    """The record of each component of a scan's ground truth, in the order of `label_defects`.

    A component belongs to the defect whose centre is nearest to one of its voxels, in sizes of the defect; a defect may
    have several components. Empty where the scan has no records or no ground truth.
    """
    records = read_defect_records(scan)
    if not records or scan.ground_truth is None:
        return []
    return _assigned(records, read_ground_truth(scan.ground_truth))


def _assigned(records: Sequence[DefectRecord], truth: GroundTruth) -> list[DefectRecord]:
    labels, count = label_defects(truth.mask)
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
