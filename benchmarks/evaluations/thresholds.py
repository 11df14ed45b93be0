"""How far can thresholds from the training scan alone be trusted? `python -m benchmarks.estimated_thresholds`.

Takes the models of a finished evaluation, calibrates each with the scan that it was trained on and nothing else, and
counts how many of the category's test scans fail by that: of good ones it should be the false-alarm rate that was asked
for, which an estimate doesn't promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from benchmarks.baselines.table import read_run
from benchmarks.evaluations.data_set_run import TRAINING
from benchmarks.evaluations.summary import read_scan_lines
from benchmarks.evaluations.tables import markdown
from modmap import ModMap
from modmap.calibration import DEFAULT_RATE
from modmap.datasets import SiM3D
from modmap.encoding.token_cache import TokenCache

HEADER = ["category", "threshold", "good scans that fail", "defective scans that fail"]


@dataclass
class Failures:
    """How many of some scans fail."""

    failed: int = 0
    scans: int = 0

    def count(self, fails: bool) -> None:
        """One scan more."""
        self.failed += fails
        self.scans += 1

    def __iadd__(self, other: Failures) -> Failures:
        self.failed += other.failed
        self.scans += other.scans
        return self

    def __str__(self) -> str:
        return f"{self.failed} of {self.scans}"


def failures(lines: Path, category: str, threshold: float) -> dict[bool, Failures]:
    """How many of a category's good (False) and defective (True) test scans score more than a threshold.

    Args:
        lines: `scans.jsonl` of the evaluation.
        category: Whose scans.
        threshold: Of the score.

    Raises:
        ModMapError: there is no scan of it, or the file isn't there.
    """
    found = {False: Failures(), True: Failures()}
    for scan in read_scan_lines(lines, category):
        found[bool(scan["anomalous"])].count(scan["score"] > threshold)
    return found


def main(
    run: Annotated[Path, tyro.conf.arg(metavar="DIR")],
    rate: float = DEFAULT_RATE,
    cache: Path | None = None,
    cache_gb: float = 20.0,
) -> int:
    """Print how many good and defective test scans fail by thresholds estimated from the training scans.

    Args:
        run: A finished run of benchmarks.sim3d with ModMap.
        rate: The false-alarm rate to ask for.
        cache: Kept tokens of that run.
        cache_gb: Gigabytes that they may take, as in that run: older ones make way for what is over.
    """
    row = read_run(run)
    dataset = SiM3D(Path(row.root))
    kept = None if cache is None else TokenCache(cache, limit_gb=cache_gb)
    cells, total = [], {False: Failures(), True: Failures()}
    for category in row.results["categories"]:
        model = ModMap.from_pretrained(run / category / "model", token_cache=kept)
        model.calibrate(dataset.train(category, TRAINING[row.setup]), false_alarm_rate=rate)
        (calibration,) = model.calibrations.values()
        found = failures(run / "scans.jsonl", category, calibration.scan_threshold)
        cells.append([category, f"{calibration.scan_threshold:.2f}", str(found[False]), str(found[True])])
        for label, one in found.items():
            total[label] += one
    cells.append(["**all**", "", str(total[False]), str(total[True])])
    print(markdown(HEADER, cells))
    return 0
