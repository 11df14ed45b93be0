"""How far can thresholds from the training scan alone be trusted? `python -m benchmarks.estimated_thresholds`.

Takes the models of a finished evaluation, calibrates each with the scan that it was trained on and nothing else, and
counts how many of the category's test scans fail by that: of good ones it should be the false-alarm rate that was asked
for, which an estimate doesn't promise. Below stands how the good scans' scores are distributed: `inspect` takes for its
estimate how they are in a set on which nothing is judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.baselines.table import read_run
from benchmarks.evaluations.data_set_run import TRAINING
from benchmarks.evaluations.model_arguments import CacheArguments
from benchmarks.evaluations.summary import read_scan_lines
from benchmarks.runs.command_line import command
from benchmarks.runs.markdown import markdown
from modmap import ModMap
from modmap.calibration import DEFAULT_RATE
from modmap.datasets import SiM3D
from modmap.largest_scores import LargestScores

HEADER = ["category", "threshold", "good scans that fail", "defective scans that fail"]


@dataclass(frozen=True)
class Arguments:
    """Print how many good and defective test scans fail by thresholds estimated from the training scans."""

    run: Path
    """A finished run of benchmarks.sim3d with ModMap."""
    cache: tyro.conf.OmitArgPrefixes[CacheArguments]
    rate: float = DEFAULT_RATE
    """The false-alarm rate to ask for."""


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


def run(arguments: Arguments) -> int:
    """Calibrates every category's model and prints the table."""
    row = read_run(arguments.run)
    dataset = SiM3D(Path(row.root))
    kept = arguments.cache.token_cache()
    cells, total = [], {False: Failures(), True: Failures()}
    for category in row.results["categories"]:
        model = ModMap.from_pretrained(arguments.run / category / "model", token_cache=kept)
        model.calibrate(dataset.train(category, TRAINING[row.setup]), false_alarm_rate=arguments.rate)
        (calibration,) = model.calibrations.values()
        found = failures(arguments.run / "scans.jsonl", category, calibration.scan_threshold)
        cells.append([category, f"{calibration.scan_threshold:.2f}", str(found[False]), str(found[True])])
        for label, one in found.items():
            total[label] += one
    cells.append(["**all**", "", str(total[False]), str(total[True])])
    print(markdown(HEADER, cells))
    good = [
        float(scan["score"])
        for category in row.results["categories"]
        for scan in read_scan_lines(arguments.run / "scans.jsonl", category)
        if not scan["anomalous"]
    ]
    largest = LargestScores.of(good)
    print(
        f"\nthe largest of {len(good)} good scans: location {largest.location:.3f}, scale {largest.scale:.3f}; "
        f"{arguments.rate:.0%} exceed {largest.threshold(arguments.rate):.2f}"
    )
    return 0


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.estimated_thresholds", words=words)
