"""The metrics of an evaluation: from predictions on disk and labelled scans to I-AUROC and V-AUPRO."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from modmap.datasets.ground_truth import read_ground_truth
from modmap.errors import ModMapError
from modmap.files.formats import require_format
from modmap.files.renewal import finish
from modmap.files.validated_json import read_json, validate
from modmap.metrics import DefectArea, VolumeAUPRO, average_precision, instance_auroc
from modmap.runs.summary import SUMMARY
from modmap.runs.summary_record import FORMAT
from modmap.runs.volume_files import load_volume
from modmap.scan import Scan
from modmap.types import Array
from modmap.volume import VoxelGrid

LIMITS = (0.01, 0.05, 0.3)
VOLUME = "volume.npz"


class _Scored(BaseModel):
    """What of a summary metrics are taken from, by whatever method it is."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    score: float
    seconds: dict[str, float]


@dataclass(frozen=True)
class ScanMetrics:
    """One predicted scan.

    Attributes:
        scan: Its name.
        anomalous: Its label, None where there is none.
        score: Its anomaly score.
        outranks: Share of the nominal scans that score below an anomalous one, a tie counting half; their mean over the
            anomalous scans is the I-AUROC. None for a nominal scan, or where there is none.
        seconds: Wall time of its prediction by step.
    """

    scan: str
    anomalous: bool | None
    score: float
    outranks: float | None
    seconds: dict[str, float]


@dataclass(frozen=True)
class EvaluationMetrics:
    """What the predictions of a category's test scans come to.

    Attributes:
        scans: Each scan's, in the order of the test set.
        i_auroc: None without labels of both kinds.
        average_precision: Over scans; None without labels of both kinds.
        v_aupro: By limit of the false positive rate; empty without ground truth.
        defects: Each defect's share in V-AUPRO@1%.
        notes: What was left out, and why.
    """

    scans: tuple[ScanMetrics, ...]
    i_auroc: float | None
    average_precision: float | None
    v_aupro: dict[float, float]
    defects: tuple[DefectArea, ...]
    notes: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        """The metrics by name, V-AUPRO@1% being `v_aupro_1pct`; without times, so that equal results are equal."""
        return {
            "i_auroc": self.i_auroc,
            "average_precision": self.average_precision,
            **{f"v_aupro_{round(100 * limit):d}pct": value for limit, value in self.v_aupro.items()},
            "scans": len(self.scans),
            "anomalous": sum(scan.anomalous is True for scan in self.scans),
            "defects": len(self.defects),
            "notes": list(self.notes),
        }


def common_grid(scans: Sequence[Scan]) -> VoxelGrid | None:
    """The grid of the first ground truth among some scans of a category: where those without one are scored.

    One that cannot be read is passed over here: it is an error where its scan is predicted.
    """
    for scan in scans:
        if scan.ground_truth is not None:
            with suppress(ModMapError):
                return read_ground_truth(scan.ground_truth).grid
    return None


def scan_grid(scan: Scan, common: VoxelGrid | None) -> VoxelGrid | None:
    """The grid that a scan is to be scored in: that of its own ground truth, else the category's common one."""
    return common if scan.ground_truth is None else read_ground_truth(scan.ground_truth).grid


def metrics_of(scans: Sequence[Scan], results: Path) -> EvaluationMetrics:
    """The metrics of the test scans of one category.

    Args:
        scans: The scans; those with ground truth were predicted in its grid, the others in the common one.
        results: Where `predict_scan` wrote `<scan>/summary.json` and `<scan>/volume.npz`.

    Raises:
        ModMapError: a result is missing or damaged, or its volume lies in another grid than its ground truth.
    """
    found = [_score_and_seconds(results / scan.name) for scan in scans]
    scores = [score for score, _ in found]
    labels = [scan.anomalous for scan in scans]
    both = True in labels and False in labels
    notes = []
    known = [index for index, label in enumerate(labels) if label is not None]
    if not both:
        notes.append("no I-AUROC: expected scans labelled nominal and scans labelled anomalous")
    elif len(known) < len(scans):
        notes.append(f"I-AUROC: {len(scans) - len(known)} scans without a label are left out")
    values, truth = [scores[i] for i in known], [bool(labels[i]) for i in known]
    nominal = np.array([score for score, label in zip(scores, labels, strict=True) if label is False])
    metric = VolumeAUPRO()
    for scan, volume, defects in judged_volumes(scans, results):
        metric.update(volume, defects > 0, defects=defects, name=scan.name)
    if not metric.components:
        notes.append("no V-AUPRO: expected ground truth of at least one defect")
    return EvaluationMetrics(
        scans=tuple(
            ScanMetrics(
                scan.name,
                scan.anomalous,
                score,
                _outranks(score, nominal) if scan.anomalous else None,
                seconds,
            )
            for scan, (score, seconds) in zip(scans, found, strict=True)
        ),
        i_auroc=instance_auroc(values, truth) if both else None,
        average_precision=average_precision(values, truth) if both else None,
        v_aupro=metric.compute_limits(LIMITS) if metric.components else {},
        defects=tuple(metric.defect_areas()) if metric.components else (),
        notes=tuple(notes),
    )


def judged_volumes(scans: Sequence[Scan], results: Path) -> Iterator[tuple[Scan, Array, Array]]:
    """The scans that V-AUPRO is taken over, with their scores and defects, one volume in memory at a time.

    Left out is a scan without ground truth that isn't labelled nominal: its defects may be anywhere. There are none
    where no scan has ground truth.

    Args:
        scans: The test scans of one category.
        results: Where `predict_scan` wrote `<scan>/volume.npz`.

    Yields:
        A scan, its scores (X, Y, Z), NaN where never observed, and its defects (X, Y, Z), int32, as
        `GroundTruth.pieces` numbers them.

    Raises:
        ModMapError: a volume is missing or damaged, or lies in another grid than its ground truth.
    """
    if not any(scan.ground_truth for scan in scans):
        return
    for scan in scans:
        if scan.ground_truth is None and scan.anomalous is not False:
            continue
        path = results / scan.name / VOLUME
        volume = load_volume(path)
        defects = np.zeros(volume.grid.shape, dtype=np.int32)
        if scan.ground_truth is not None:
            truth = read_ground_truth(scan.ground_truth)
            if not volume.grid.same_as(truth.grid):
                raise ModMapError(
                    f"{path}: expected the grid of {scan.ground_truth} {truth.mask.shape}, found another "
                    f"{volume.grid.shape}"
                )
            defects, _ = truth.pieces()
        yield scan, volume.scores, defects


def _outranks(score: float, nominal: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float | None:
    if not len(nominal):
        return None
    return float(np.mean(nominal < score) + np.mean(nominal == score) / 2)


def _score_and_seconds(place: Path) -> tuple[float, dict[str, float]]:
    finish(place)
    path = place / SUMMARY
    if not path.is_file():
        raise ModMapError(f"{path}: expected the result of a prediction, found none")
    data = read_json(path)
    require_format(data, FORMAT, where=str(path))
    found = validate(_Scored, data, where=str(path))
    return found.score, found.seconds
