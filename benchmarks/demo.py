"""`make demo`: parts scanned by the simulated scanner, a good one of each kind learned, the defects of others found."""

from __future__ import annotations

import sys
import time
import webbrowser
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cadscan.dataset import DatasetSettings, make_dataset
from benchmarks.cadscan.workers import run_all
from benchmarks.evaluations.defects import Matches, category_matches
from benchmarks.runs.command_line import command
from modmap import ModMap
from modmap.datasets import SiM3D
from modmap.errors import ModMapError
from modmap.report.write import write_reports
from modmap.runs.predict import predict_directories
from modmap.runs.stored_results import read_summary
from modmap.scan import Scan

CATEGORIES = ("belt_pulley", "bolted_joint")
SIZE = (512, 384)
GOOD, BAD = 3, 4
SMALLEST = 8.0  # mm


@dataclass(frozen=True)
class Arguments:
    """Make a small data set, learn a good part of each kind, predict others, and say what was found."""

    data: Path = Path("data/demo")
    """Where the scans go."""
    out: Path = Path("results/demo")
    """Where the results go; what an earlier run has done there is not done again."""
    workers: int = 2
    """Processes, each on one thread: of so many parts at a time."""
    open: bool = False
    """Open the page in the browser at the end."""


@dataclass
class Tally:
    """What became of some parts.

    Attributes:
        good: How many good ones there are, and how many of these fail.
        bad: The same of defective ones.
        defects: The planted defects against those that are reported.
    """

    good: list[int] = field(default_factory=lambda: [0, 0])
    bad: list[int] = field(default_factory=lambda: [0, 0])
    defects: Matches = field(default_factory=Matches)

    def count(self, scan: Scan, verdict: str | None) -> None:
        """One part more."""
        of = self.bad if scan.anomalous else self.good
        of[0] += 1
        of[1] += verdict == "fail"

    def lines(self) -> str:
        """Three lines for a person."""
        found = self.defects
        false = found.reported - found.right
        (good, good_fail), (bad, bad_fail) = self.good, self.bad
        missed = f" (missed: {', '.join(one.kind for one in found.missed)})" if found.missed else ""
        return (
            f"parts: {good} good, {bad} with planted defects\n"
            f"verdicts: {bad_fail} of {bad} defective parts fail, {good_fail} of {good} good ones\n"
            f"defects: {found.found} of {found.true} planted are reported{missed}, {false} reported where none is"
        )


@dataclass(frozen=True)
class Job:
    """A kind of part to learn, and to judge others of.

    Attributes:
        category: Its name.
        data: The data set.
        out: Where the models and the results go.
    """

    category: str
    data: Path
    out: Path

    @property
    def scans(self) -> Path:
        """Where the results of the scans go."""
        return self.out / "scans"


def judge(job: Job) -> None:
    """Learns the good part of a kind, and scores the others.

    Raises:
        ModMapError: a scan can't be scored.
    """
    dataset = SiM3D(job.data)
    nominal = dataset.train(job.category)
    model = ModMap().fit([nominal])
    # The threshold is what the good part itself lets another one show.
    model.calibrate([nominal])
    saved = model.save_pretrained(job.out / "models" / job.category)
    directories = [scan.root for scan in dataset.tests(job.category) if scan.root is not None]
    if predict_directories(str(saved), directories, output=job.scans, resume=True, nominal=nominal.root):
        raise ModMapError(f"{job.category}: expected scans that can be scored, found others, named above")


def run(arguments: Arguments) -> int:
    """Runs the demonstration; returns the exit status."""
    started = time.perf_counter()
    print(f"1/2 scans of {' and '.join(CATEGORIES)}: {arguments.data}", flush=True)
    settings = DatasetSettings(SIZE, good=GOOD, bad=BAD, seed=0, smallest=SMALLEST)
    make_dataset(arguments.data, settings, categories=CATEGORIES, workers=arguments.workers)
    print("2/2 learn a good part of each kind, lay the others on it and compare", flush=True)
    jobs = [Job(category, arguments.data, arguments.out) for category in CATEGORIES]
    run_all(judge, jobs, workers=arguments.workers, title="parts")
    dataset, tally = SiM3D(arguments.data), Tally()
    for job in jobs:
        tests = dataset.tests(job.category)
        for scan in tests:
            tally.count(scan, read_summary(job.scans / scan.name).get("verdict"))
        tally.defects += category_matches(tests, job.scans)
    page = write_reports(arguments.out / "scans")[-1]
    minutes = (time.perf_counter() - started) / 60
    print(f"\n{tally.lines()}\nDone in {minutes:.1f} minutes. To open in a browser: {page}")
    if arguments.open:
        webbrowser.open(page.resolve().as_uri())
    return 0


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.demo", words=words)


if __name__ == "__main__":
    sys.exit(main())
