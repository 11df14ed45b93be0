"""Are the defects that are reported the ones that are there? Precision, recall and centre error against the truth.

`python -m benchmarks.defect_metrics --data data/sim3d-mini/work --results results/inspect` reads the test scans of a
data set in SiM3D's layout and the volumes predicted for them (`<results>/<category>/scans/<scan>/volume.npz`).

A defect is reported as `modmap predict` does it: a connected region of the volume over the voxel threshold with a voxel
over the scan threshold. Where the model was calibrated the thresholds are its own; else they come from the category's
good test scans, a good scan itself being compared with the other good ones. What is missed is told defect by defect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from benchmarks.evaluations.defect_records import DefectRecord, records_of_components
from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_json
from benchmarks.runs.markdown import markdown, number
from modmap.calibration import DEFAULT_SHARE, Calibration, GoodScores, conformal_calibration
from modmap.datasets import GroundTruth, SiM3D, read_ground_truth
from modmap.defects.regions import find_regions
from modmap.detector.good_scores import exceeded_by
from modmap.errors import ModMapError
from modmap.files.validated_json import read_json, validate
from modmap.runs.volume_files import load_volume
from modmap.scan import Scan
from modmap.volume import AnomalyVolume

Array = npt.NDArray[Any]

LEAST_SHARE = 0.1
SLACK_MM = 2.0


@dataclass(frozen=True)
class Arguments:
    """Print precision, recall and centre error of the defects that are reported, by category."""

    data: Path
    """A data set in SiM3D's layout."""
    results: Path
    """Predictions: <category>/scans/<scan>/volume.npz."""
    output: Path | None = None
    """Write the figures here too, as JSON."""
    share: float = DEFAULT_SHARE
    """Of a good part's surface that may lie over the voxel threshold, where the model isn't calibrated."""


@dataclass(frozen=True, eq=False)
class TrueDefect:
    """A defect of the ground truth.

    Attributes:
        kind: Such as dent; empty where the data set doesn't say.
        voxels: (M, 3) centres of its voxels, mm.
        record: What the data set says of it; None where it says nothing.
        scan: The scan's name.
        said: The largest score there, in multiples of what a reported defect must have.
    """

    kind: str
    voxels: Array
    record: DefectRecord | None = None
    scan: str = ""
    said: float = math.nan


@dataclass
class Matches:
    """How the reported defects of some scans compare with the true ones.

    Attributes:
        reported: How many were reported.
        right: How many of them lie on a true one.
        true: How many there are.
        found: How many of them a reported one lies on.
        centre_errors: mm between the mean of a found defect's voxels and of those reported for it, one each.
        missed: The others.
    """

    reported: int = 0
    right: int = 0
    true: int = 0
    found: int = 0
    centre_errors: list[float] = field(default_factory=list)
    missed: list[TrueDefect] = field(default_factory=list)

    def __iadd__(self, other: Matches) -> Matches:
        self.reported += other.reported
        self.right += other.right
        self.true += other.true
        self.found += other.found
        self.centre_errors += other.centre_errors
        self.missed += other.missed
        return self

    def row(self) -> dict[str, Any]:
        """The figures by name; None where there is nothing to count."""
        errors = self.centre_errors
        return {
            "true_defects": self.true,
            "reported": self.reported,
            "precision": self.right / self.reported if self.reported else None,
            "recall": self.found / self.true if self.true else None,
            "centre_error_mm_median": float(np.median(errors)) if errors else None,
            "centre_error_mm_mean": float(np.mean(errors)) if errors else None,
        }


def matches(
    regions: Sequence[Array],
    truth: Sequence[TrueDefect],
    *,
    slack: float = SLACK_MM,
    share: float = LEAST_SHARE,
) -> Matches:
    """Holds reported defects against the true ones of a scan.

    A reported defect lies on a true one if at least `share` of its voxels are within `slack` of a true one's. A true
    defect is found if a reported one lies on it; the one with the most voxels there gives its centre.

    Args:
        regions: (M, 3) centres of each reported defect's voxels, mm.
        truth: The true defects.
        slack: mm.
        share: In (0, 1].
    """
    result = Matches(reported=len(regions), true=len(truth))
    right = np.zeros(len(regions), dtype=bool)
    for defect in truth:
        on_it = [_voxels_on(region, defect.voxels, slack) for region in regions]
        hits = [index for index, count in enumerate(on_it) if count >= share * len(regions[index]) and count]
        right[hits] = True
        if not hits:
            result.missed.append(defect)
            continue
        best = regions[max(hits, key=lambda index: on_it[index])]
        result.found += 1
        result.centre_errors.append(float(np.linalg.norm(best.mean(axis=0) - defect.voxels.mean(axis=0))))
    result.right = int(right.sum())
    return result


def true_defects(scan: Scan) -> list[TrueDefect]:
    """The defects of a scan's ground truth; pieces that belong to one recorded defect are one."""
    if scan.ground_truth is None:
        return []
    truth = read_ground_truth(scan.ground_truth)
    labels, count = truth.pieces()
    records = records_of_components(scan)
    names = [records[n] if records else n for n in range(count)]
    grouped: dict[Any, list[Array]] = {}
    for component, name in enumerate(names):
        grouped.setdefault(name, []).append(_centres(truth, np.argwhere(labels == component + 1)))
    return [
        TrueDefect("", np.concatenate(parts), scan=scan.name)
        if isinstance(name, int)
        else TrueDefect(name.kind, np.concatenate(parts), name, scan.name)
        for name, parts in grouped.items()
    ]


def category_matches(scans: Sequence[Scan], results: Path, *, share: float = DEFAULT_SHARE) -> Matches:
    """The matches of a category's test scans.

    Args:
        scans: The test scans, labelled.
        results: Where `<scan>/volume.npz` and `<scan>/summary.json` are.
        share: Of a good part's surface that may lie over the voxel threshold, where the model isn't calibrated.

    Raises:
        ModMapError: a result is missing or damaged, or there is no threshold and too few good scans.
    """
    good = {
        scan.name: _good_scores(load_volume(results / scan.name / "volume.npz"), share)
        for scan in scans
        if scan.anomalous is False
    }
    total = Matches()
    for scan in scans:
        volume = load_volume(results / scan.name / "volume.npz")
        calibration = _own_calibration(results / scan.name / "summary.json")
        if calibration is None:
            calibration = _from_others(scan, good, share)
        if calibration.voxel_threshold is None:
            raise ModMapError(f"{results / scan.name}: expected a voxel threshold, found none")
        least = max(calibration.voxel_threshold, calibration.scan_threshold)
        regions = find_regions(volume, threshold=calibration.voxel_threshold, peak_threshold=least)
        truth = [
            replace(one, said=float(np.nan_to_num(volume.at(one.voxels)).max()) / least)
            for one in true_defects(scan)
        ]
        total += matches([volume.grid.centres(one) for one in regions], truth)
    return total


def _voxels_on(region: Array, truth: Array, slack: float) -> int:
    low, high = truth.min(axis=0) - slack, truth.max(axis=0) + slack
    near = region[((region >= low) & (region <= high)).all(axis=1)]
    if not len(near):
        return 0
    distance, _ = cKDTree(truth).query(near, distance_upper_bound=slack * (1 + 1e-9))
    return int(np.isfinite(distance).sum())


def _centres(truth: GroundTruth, index: Array) -> Array:
    return np.asarray(truth.origin + (index + 0.5) * truth.voxel)


def _good_scores(volume: AnomalyVolume, share: float) -> GoodScores:
    seen = volume.scores[volume.observed]
    level = exceeded_by([seen], share=share, total=len(seen))
    return GoodScores(volume.score, level, level)


def _own_calibration(summary: Path) -> Calibration | None:
    data = read_json(summary)
    calibration = data.get("calibration") if isinstance(data, dict) else None
    return (
        None if calibration is None else validate(Calibration, calibration, where=f"{summary}: calibration")
    )


def _from_others(scan: Scan, good: dict[str, GoodScores], share: float) -> Calibration:
    others = {name: scores for name, scores in good.items() if name != scan.name}
    if not others:
        raise ModMapError(
            f"scan {scan.name}: expected a calibrated model or other good scans to take thresholds from, found neither"
        )
    return conformal_calibration(
        list(others.values()), scans=list(others), views=scan.view_ids, surface_share=share
    )


def run(arguments: Arguments) -> int:
    """Compares category by category and prints the table.

    Raises:
        ModMapError: there are no predictions, or `category_matches` refuses them.
    """
    dataset, results = SiM3D(arguments.data), arguments.results
    if not results.is_dir():
        raise ModMapError(f"{results}: expected the directory of a run, found none")
    names = [path.name for path in sorted(results.iterdir()) if (path / "scans").is_dir()]
    if not names:
        raise ModMapError(f"{results}: expected predictions below <category>/scans, found none")
    found = {
        name: category_matches(dataset.tests(name), results / name / "scans", share=arguments.share)
        for name in names
    }
    total = Matches()
    for one in found.values():
        total += one
    rows = {**{name: one.row() for name, one in found.items()}, "all": total.row()}
    header = ["category", *next(iter(rows.values()))]
    cells = [
        [
            name,
            *(
                number(value) if value is None or isinstance(value, float) else str(value)
                for value in row.values()
            ),
        ]
        for name, row in rows.items()
    ]
    print(markdown(header, cells))
    missed = [_missed_row(one) for one in sorted(total.missed, key=lambda one: (one.scan, -one.said))]
    if missed:
        print("\nmissed, and the largest score there in multiples of what a report needs:\n")
        print(markdown(["scan", "kind", "size, mm", "seen by", "d'", "score"], missed))
    if arguments.output is not None:
        write_json(arguments.output, rows)
    return 0


def _missed_row(defect: TrueDefect) -> list[str]:
    record = defect.record
    told = ["", "", ""]
    if record is not None:
        detectability = "" if record.detectability is None else f"{record.detectability:.0f}"
        told = [f"{record.size:.1f}", record.modality, detectability]
    return [defect.scan, defect.kind, *told, f"{defect.said:.2f}"]


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.defect_metrics", words=words)
