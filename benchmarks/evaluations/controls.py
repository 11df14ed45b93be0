"""Does the evaluation tell good from bad? Detectors of which it is known what they must reach, through the whole of it.

`python -m benchmarks.controls --root data/sim3d-mini/work` runs three that learn nothing:

- told: knows the ground truth. A scan with a defect scores 1, so do its measured defect voxels, and all else 0. Its
  I-AUROC is 1 and its V-AUPRO the ceiling.
- shifted: the same, its volume's scores moved by one voxel along one axis, another for every scan. What it loses is
  what a mistake of one voxel costs, which is much where defects are few voxels thick.
- random: draws the score of every measured voxel between 0 and 1. Its I-AUROC is near 0.5, and its V-AUPRO near the
  ceiling times half the limit: 0.005, 0.025 and 0.15 of it at 1, 5 and 30%.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from benchmarks.evaluations.categories import chosen_categories
from benchmarks.evaluations.ceiling import measured_volume, part_maps
from benchmarks.evaluations.data_set_run import DataSetRun, Setup
from benchmarks.evaluations.defect_groups import CEILING
from benchmarks.evaluations.execution import carry_out, processes
from benchmarks.evaluations.results_table import results_table
from benchmarks.evaluations.sim3d_root import find_root
from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_json, write_report, write_text
from benchmarks.runs.kept_settings import keep_settings
from benchmarks.runs.markdown import markdown, number
from modmap.datasets import SiM3D, read_ground_truth
from modmap.result import Result
from modmap.scan import Scan
from modmap.types import DEFAULT_FOREGROUND, ForegroundMode
from modmap.volume import VoxelGrid

Array = npt.NDArray[Any]
ControlName = Literal["told", "shifted", "random"]

CONTROLS: tuple[ControlName, ...] = ("told", "shifted", "random")
SETUP: Setup = "real2real"
METRICS = {
    "i_auroc": "I-AUROC",
    "v_aupro_1pct": "V-AUPRO@1%",
    "v_aupro_5pct": "@5%",
    "v_aupro_30pct": "@30%",
}


@dataclass(frozen=True)
class Arguments:
    """Run detectors that know the answer, and one that knows nothing, through the evaluation; resumes in OUT."""

    root: Path | None = None
    """A data set of SiM3D's shape; $SIM3D_ROOT by default, else data/SiM3D."""
    out: Path = Path("results/controls")
    """Where the runs live."""
    categories: tuple[str, ...] = ()
    """Some of its categories; all by default."""
    seed: int = 0
    """Of what is drawn."""
    foreground: ForegroundMode = DEFAULT_FOREGROUND
    """Which pixels are the part, as in a method's settings."""
    download: bool = False
    """Fetch SiM3D from the hub, without asking, where it is missing."""


@dataclass(frozen=True)
class Untrained:
    """What there is of a training where nothing is learnt.

    Attributes:
        scans: None.
        training_score: The largest score, so that pictures have the same scale.
        seconds: None.
    """

    scans: list[str] = field(default_factory=list)
    training_score: float = 1.0
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Control:
    """A detector of which it is known what it must reach: the ground truth, or nothing, is all that it knows.

    Attributes:
        name: Which one.
        seed: Of what it draws.
        foreground: Which pixels are the part.
    """

    name: ControlName
    seed: int = 0
    foreground: ForegroundMode = DEFAULT_FOREGROUND

    @property
    def trained(self) -> Untrained:
        """Nothing."""
        return Untrained()

    @property
    def fingerprint(self) -> str:
        """Its settings in words."""
        return f"control {self.name}, seed {self.seed}, {self.foreground}"

    def fit(self, scans: Scan | Sequence[Scan], *, progress: bool = False) -> Control:
        """Learns nothing."""
        del scans, progress
        return self

    def check(self, scan: Scan) -> None:
        """Checks that a scan's views have cameras.

        Raises:
            ModMapError: one has none.
        """
        scan.require_cameras()

    def predict(
        self, scan: Scan, *, volume: bool | None = None, grid: VoxelGrid | None = None, progress: bool = False
    ) -> Result:
        """Gives every voxel that the scan measures its score.

        Args:
            scan: A test scan; one without ground truth counts as nominal.
            volume: There always is one.
            grid: Where the voxels are; None takes the smallest one around the scan.
            progress: Nothing is shown.

        Raises:
            ModMapError: the scan or its ground truth can't be read, or nothing of it is measured in the grid.
        """
        del volume, progress
        started = time.perf_counter()
        grid = grid or VoxelGrid.around([scan], foreground=self.foreground)
        truth = np.zeros(grid.shape, dtype=bool)
        if scan.ground_truth is not None:
            truth = read_ground_truth(scan.ground_truth).mask
        views = part_maps(scan, foreground=self.foreground)
        built = measured_volume(scan, views, grid, self._scores(scan, truth))
        score = built.score if self.name == "random" else float(truth.any())
        seconds = {"volume": time.perf_counter() - started}
        return Result(scan=scan.name, score=score, views=views, volume=built, seconds=seconds)

    def save_pretrained(self, directory: Path) -> Path:
        """Writes its settings."""
        write_json(directory / "config.json", asdict(self))
        return directory

    @classmethod
    def from_pretrained(cls, directory: Path) -> Control:
        """Reads what `save_pretrained` wrote."""
        return cls(**json.loads((directory / "config.json").read_text(encoding="utf-8")))

    def _scores(self, scan: Scan, truth: Array) -> Array:
        """(X, Y, Z) scores of all voxels, measured or not; drawn by the scan's name, so the same in every run."""
        rng = np.random.default_rng([self.seed, zlib.crc32(f"{scan.category}/{scan.name}".encode())])
        if self.name == "random":
            return rng.random(truth.shape)
        if self.name == "shifted":
            return moved(truth, axis=int(rng.integers(3)), step=int(rng.choice((-1, 1))))
        return truth


def moved(mask: Array, *, axis: int, step: int) -> Array:
    """A mask moved by a voxel along an axis; what leaves the grid is lost.

    Args:
        mask: (X, Y, Z) bool.
        axis: 0, 1 or 2.
        step: 1 or -1.
    """
    shifted = np.roll(mask, step, axis)
    edge: list[Any] = [slice(None)] * mask.ndim
    edge[axis] = 0 if step > 0 else -1
    shifted[tuple(edge)] = False
    return shifted


def run(arguments: Arguments) -> int:
    """Runs them and prints what they reach; returns the exit status: 1 where a category failed."""
    process = processes("cpu")
    with process.main_process_first():
        dataset = SiM3D(find_root(arguments.root, download=arguments.download))
        categories = chosen_categories(dataset.categories, arguments.categories)
    found: dict[str, dict[str, Any]] = {}
    for name in CONTROLS:
        place = arguments.out / name
        make = partial(Control, name, arguments.seed, arguments.foreground)
        settings = {
            "setup": SETUP,
            "root": str(dataset.root.resolve()),
            "categories": list(categories),
            "config": asdict(make()),
        }
        with process.main_process_first():
            keep_settings(place, settings, file="run.json")
        evaluation = DataSetRun(
            out=place,
            dataset=dataset,
            setup=SETUP,
            make_model=make,
            device="cpu",
            open_model=Control.from_pretrained,
            foreground=arguments.foreground if name == "told" else None,  # it is the same for all
        )
        outcome = carry_out(evaluation, categories, process)
        if outcome is not None:
            found[name] = outcome.results
            title = f"{name}, {dataset.root}"
            table = results_table(outcome.results, title=title, setup=SETUP, seconds=outcome.seconds)
            write_text(place / "table.md", table)
    if not process.is_main_process:
        return 0
    write_report(arguments.out, found, controls_table(found, title=f"Controls, {dataset.root}"))
    return 1 if any(results["failed"] for results in found.values()) else 0


def controls_table(found: Mapping[str, Mapping[str, Any]], *, title: str) -> str:
    """Markdown: what each control reaches, by category and in the mean, and the ceiling of V-AUPRO.

    Args:
        found: Content of each control's `results.json`; the ceiling is in that of `told`.
        title: Of the table.
    """
    rows = []
    for category in [*found["told"]["categories"], "mean"]:
        shown = "**mean**" if category == "mean" else category
        for name, results in found.items():
            row = results["mean"] if category == "mean" else results["categories"].get(category, {})
            rows.append([shown, name, *(number(row.get(metric), decimals=4) for metric in METRICS)])
            if CEILING in row:
                rows.append([shown, "*ceiling*", "", *[number(row[CEILING], decimals=4)] * 3])
    failed = {
        f"- {category}: {why}" for results in found.values() for category, why in results["failed"].items()
    }
    table = markdown(["category", "detector", *METRICS.values()], rows)
    return "\n\n".join([f"# {title}", table, *(["\n".join(sorted(failed))] if failed else [])])


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.controls", words=words)
