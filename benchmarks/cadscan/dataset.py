"""A data set of SiM3D's shape: which scans it has, and how each is made, whole or not at all."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from benchmarks.cadscan.card import CHANGED_PIXELS, COUNTING, write_card
from benchmarks.cadscan.categories import setup_of
from benchmarks.cadscan.defects import LARGEST, SMALLEST, add_defects
from benchmarks.cadscan.errors import CadscanError
from benchmarks.cadscan.finish import harmless_marks
from benchmarks.cadscan.ground_truth import grid_around, ground_truth, voxel_size
from benchmarks.cadscan.part import DefectivePart, Part
from benchmarks.cadscan.parts import CATEGORIES, build, export_cad
from benchmarks.cadscan.scanner import Cell, cell_for, lay_down, render, scan
from benchmarks.cadscan.settings_file import SETTINGS
from benchmarks.cadscan.views import binned_intrinsics
from benchmarks.cadscan.visibility import ENOUGH_PIXELS, PlacedDefect
from benchmarks.cadscan.workers import run_all
from benchmarks.cadscan.writer import (
    DefectRecord,
    remove_leftovers,
    unfinished,
    whole_directory,
    write_calibration,
    write_real_view,
    write_rendered_view,
    write_truth,
)
from benchmarks.runs.kept_settings import keep_settings, read_settings

Array = npt.NDArray[Any]
Kind = Literal["real", "synth", "good", "bad"]

KINDS: tuple[Kind, ...] = ("real", "synth", "good", "bad")
MOST_DEFECTS = 2
USAGE = r"(NEXT_ASSEMBLY_USAGE_OCCURRENCE\s*\(\s*)'\d+'"


class DatasetError(CadscanError):
    """A data set that cannot be made as asked."""


@dataclass(frozen=True)
class DatasetSettings:
    """What a data set is made from.

    Attributes:
        size: (width, height) of the images, pixels.
        good: Nominal test scans a category.
        bad: Anomalous test scans a category.
        seed: Of everything that differs between scans.
        smallest: Of the defects' sizes, mm.
        largest: Likewise; the sizes are log-uniform between the two.
    """

    size: tuple[int, int]
    good: int
    bad: int
    seed: int
    smallest: float = SMALLEST
    largest: float = LARGEST


@dataclass(frozen=True)
class ScanJob:
    """One scan of the set: the `index`-th of its category and kind, to be written to `out / relative`."""

    out: Path
    relative: Path
    settings: DatasetSettings
    category: str
    kind: Kind
    index: int

    @property
    def seed(self) -> np.random.SeedSequence:
        """The scan's own seed; no other scan has a part in it."""
        entropy = [self.settings.seed, zlib.crc32(self.category.encode()), KINDS.index(self.kind), self.index]
        return np.random.SeedSequence(entropy)


def make_dataset(
    out: Path, settings: DatasetSettings, *, categories: Sequence[str] = CATEGORIES, workers: int = 1
) -> None:
    """Makes a data set, or the scans of it that are missing; the bytes do not depend on the workers.

    Categories can be added to a set later, or made by several processes at once.

    Raises:
        DatasetError: there is no such category, the sizes of defects are no range, or a count or the seed is negative.
        ViewError: the images would be larger than the sensor, or have no pixel.
        SettingsError: `out` has a set of other settings.
    """
    for category in categories:
        if category not in CATEGORIES:
            raise DatasetError(f"categories: expected some of {', '.join(CATEGORIES)}, found {category!r}")
    _check(settings)
    keep_settings(out, _kept(out, settings), file=SETTINGS)
    remove_leftovers(out)
    for category in categories:
        if not (out / category / f"{category}.stl").exists():
            _write_cad(out, category)
    jobs = [job for category in categories for job in scan_jobs(out, settings, category)]
    missing = [job for job in jobs if not (out / job.relative).exists()]
    run_all(write_scan, missing, workers=workers, title="scans")
    remove_leftovers(out)
    write_card(out)


def _check(settings: DatasetSettings) -> None:
    """Raises an error for what cannot be made, before a directory keeps it."""
    binned_intrinsics(settings.size)
    for name in ("good", "bad", "seed"):
        if getattr(settings, name) < 0:
            raise DatasetError(f"{name}: expected 0 or more, found {getattr(settings, name)}")
    if not 0 < settings.smallest <= settings.largest < math.inf:
        raise DatasetError(
            f"smallest, largest: expected 0 < smallest <= largest, found {settings.smallest} and {settings.largest} mm"
        )


def _kept(out: Path, settings: DatasetSettings) -> dict[str, Any]:
    """What `out` keeps of its making; a set begun before it was kept how views are counted goes on without that."""
    kept = asdict(settings)
    if (out / SETTINGS).is_file() and COUNTING not in read_settings(out / SETTINGS):
        return kept
    return {**kept, COUNTING: CHANGED_PIXELS}


def scan_jobs(out: Path, settings: DatasetSettings, category: str) -> list[ScanJob]:
    """All scans of a category: the two of the training set-ups, then the nominal and the anomalous tests."""

    def job(name: str, kind: Kind, index: int) -> ScanJob:
        return ScanJob(out, Path(category) / f"{category}_{name}", settings, category, kind, index)

    digits = max(2, len(str(settings.good + settings.bad - 1)))
    return [
        job("real", "real", 0),
        job("synth", "synth", 0),
        *(job(f"{index:0{digits}d}", "good", index) for index in range(settings.good)),
        *(job(f"{settings.good + index:0{digits}d}_bad", "bad", index) for index in range(settings.bad)),
    ]


def write_scan(job: ScanJob) -> None:
    """Makes one scan and writes its directory."""
    cell = _cell(job.category, job.settings.size)
    with whole_directory(job.out, job.relative) as directory:
        write_calibration(directory, cell.cameras)
        if job.kind == "synth":
            for index, view in enumerate(render(cell, nominal_part(job.category))):
                write_rendered_view(directory, index, image=view.image, depth=view.depth)
        else:
            _write_real(job, cell, directory)


@lru_cache(maxsize=2)
def nominal_part(category: str) -> Part:
    """A category's part as drawn, without tolerance."""
    return build(category, seed=0, tolerance=0.0)


def made_instance(job: ScanJob, seed: np.random.SeedSequence) -> DefectivePart:
    """The part of a scan: its tolerances and harmless marks, and for an anomalous one its one or two defects."""
    part_seed, mark_seed, defect_seed = seed.spawn(3)
    part = build(job.category, seed=int(part_seed.generate_state(1)[0] >> 1))
    marks = harmless_marks(part, np.random.default_rng(mark_seed))
    if job.kind != "bad":
        return DefectivePart(part, marks, ())
    rng = np.random.default_rng(defect_seed)
    made = add_defects(
        part,
        count=int(rng.integers(1, MOST_DEFECTS + 1)),
        seed=int(rng.integers(1 << 31)),
        smallest=job.settings.smallest,
        largest=job.settings.largest,
    )
    return DefectivePart(made.part, (*marks, *made.patches), made.defects)


def _write_real(job: ScanJob, cell: Cell, directory: Path) -> None:
    made_seed, lay_seed, scan_seed = job.seed.spawn(3)
    made = made_instance(job, made_seed)
    instance = lay_down(cell, made.part, marks=made.patches, seed=lay_seed)
    pose = instance.T_part_to_world
    nominal = nominal_part(job.category)
    spacing = voxel_size(nominal) / 3
    placed = [
        PlacedDefect.of(defect, made.part, T_part_to_world=pose, spacing=spacing) for defect in made.defects
    ]
    seen_by = [0] * len(placed)
    for index, view in enumerate(scan(cell, instance, seed=scan_seed)):
        write_real_view(directory, index, image=view.image, depth=view.depth)
        for number, defect in enumerate(placed):
            seen_by[number] += defect.visible_pixels(view.trace.z, view.camera) >= ENOUGH_PIXELS
    if job.kind == "real":
        return
    records = [
        DefectRecord(defect, pose[:3, :3] @ defect.centre + pose[:3, 3], views)
        for defect, views in zip(made.defects, seen_by, strict=True)
    ]
    truth = ground_truth(made.defects, grid_around(nominal), T_part_to_world=pose)
    write_truth(directory, truth, records)


def _write_cad(out: Path, category: str) -> None:
    partial = unfinished(out, f"{category}_cad")
    step, stl = export_cad(category, partial)
    step.write_text(renumbered(step.read_text(encoding="utf-8")), encoding="utf-8")
    (out / category).mkdir(exist_ok=True)
    step.replace(out / category / step.name)
    stl.replace(out / category / stl.name)
    partial.rmdir()


def renumbered(step: str) -> str:
    """A STEP file whose uses of a part in an assembly count from 1.

    The CAD kernel counts them over all files that its process has written, so a file would depend on what was made
    before it.
    """
    numbers = count(1)
    return re.sub(USAGE, lambda match: f"{match[1]}'{next(numbers)}'", step)


@lru_cache(maxsize=2)
def _cell(category: str, size: tuple[int, int]) -> Cell:
    return cell_for(nominal_part(category), setup_of(category), size=size)
