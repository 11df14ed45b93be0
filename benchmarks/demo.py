"""`make demo`: two parts scanned by the simulated scanner, the good one learned, the defects of others found."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cadscan.dataset import DatasetSettings, make_dataset
from benchmarks.evaluations import sim3d
from benchmarks.evaluations.summary import read_scan_lines
from benchmarks.runs.command_line import command

CATEGORIES = ("belt_pulley", "bolted_joint")
SIZE = (512, 384)
GOOD, BAD = 3, 4
SMALLEST = 8.0  # mm


@dataclass(frozen=True)
class Arguments:
    """Make a small data set, fit, predict, and say what to open."""

    data: Path = Path("data/demo")
    """Where the scans go."""
    out: Path = Path("results/demo")
    """Where the results go."""
    workers: int = 2
    """Processes that scan."""


def run(arguments: Arguments) -> int:
    """Runs the demonstration; returns the exit status."""
    started = time.perf_counter()
    print(f"1/2 scans of {' and '.join(CATEGORIES)}: {arguments.data}", flush=True)
    settings = DatasetSettings(SIZE, good=GOOD, bad=BAD, seed=0, smallest=SMALLEST)
    make_dataset(arguments.data, settings, categories=CATEGORIES, workers=arguments.workers)
    print("2/2 keep the nominal scans, compare the others with them", flush=True)
    status = sim3d.main(["--root", str(arguments.data), "--out", str(arguments.out), "--pictures"])
    if status == 0:
        print(
            f"\nDone in {(time.perf_counter() - started) / 60:.1f} minutes. To look at:\n{_to_look_at(arguments)}"
        )
    return status


def _to_look_at(arguments: Arguments) -> str:
    """The pictures and the volume of each category's highest score, and what was planted there."""
    texts = []
    for category in CATEGORIES:
        lines = read_scan_lines(arguments.out / "scans.jsonl", category)
        worst = max(lines, key=lambda line: float(line["score"]))
        place = arguments.out / category / "scans" / worst["scan"]
        texts.append(
            f"  {worst['scan']}, score {worst['score']:.3f}: {place}/contact_sheet.png, {place}/volume.ply\n"
            f"    what was planted: {arguments.data / category / worst['scan']}/defects.json"
        )
    return "\n".join(texts)


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.demo", words=words)


if __name__ == "__main__":
    sys.exit(main())
