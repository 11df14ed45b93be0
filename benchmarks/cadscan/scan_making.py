"""How one scan of a data set is made and written, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.cadscan.assessment import measured_voxels
from benchmarks.cadscan.categories import setup_of
from benchmarks.cadscan.finish import harmless_marks
from benchmarks.cadscan.ground_truth import grid_around, ground_truth
from benchmarks.cadscan.part import Part
from benchmarks.cadscan.parts import build
from benchmarks.cadscan.planting import Planted, Planter, Wanted
from benchmarks.cadscan.scan_jobs import ScanJob
from benchmarks.cadscan.scanner import (
    Capture,
    Cell,
    Instance,
    Shot,
    capture,
    cell_for,
    lay_down,
    render,
    shots,
)
from benchmarks.cadscan.writer import (
    DefectRecord,
    whole_directory,
    write_calibration,
    write_placement,
    write_real_view,
    write_rendered_view,
    write_truth,
)
from modmap.volume import VoxelGrid


def write_scan(job: ScanJob) -> None:
    """Makes one scan and writes its directory."""
    cell = cell_of(job.category, job.settings.size)
    with whole_directory(job.out, job.relative) as directory:
        write_calibration(directory, cell.cameras)
        if job.kind == "synth":
            for index, view in enumerate(render(cell, nominal_part(job.category))):
                write_rendered_view(directory, index, image=view.image, depth=view.depth)
        elif job.kind == "bad":
            _write_defective(job, cell, directory)
        else:
            instance, views, _ = _laid_down(job, cell)
            for _ in _written(directory, cell, instance, views):
                pass
            if job.kind == "good":
                write_truth(directory, ground_truth([], [], _grid(job.category)), [])


@lru_cache(maxsize=2)
def nominal_part(category: str) -> Part:
    """A category's part as drawn, without tolerance."""
    return build(category, seed=0, tolerance=0.0)


@lru_cache(maxsize=2)
def cell_of(category: str, size: tuple[int, int]) -> Cell:
    """A category's cell for images of (width, height)."""
    return cell_for(nominal_part(category), setup_of(category), size=size)


def planter(job: ScanJob, cell: Cell) -> Planter:
    """What plants the defects of an anomalous scan."""
    settings = job.settings
    instance, views, seed = _laid_down(job, cell)
    wanted = Wanted(settings.smallest, settings.largest, settings.least_detectability)
    return Planter(cell, instance, views, _grid(job.category), wanted, seed)


def _laid_down(job: ScanJob, cell: Cell) -> tuple[Instance, tuple[Shot, ...], np.random.SeedSequence]:
    """The part of a scan with its tolerances and harmless marks as it lies, the views, and the seed of its defects."""
    made_seed, lay_seed, scan_seed = job.seed.spawn(3)
    part_seed, mark_seed, defect_seed = made_seed.spawn(3)
    part = build(job.category, seed=int(part_seed.generate_state(1)[0] >> 1))
    marks = harmless_marks(part, np.random.default_rng(mark_seed))
    instance = lay_down(cell, part, marks=marks, seed=lay_seed)
    return instance, shots(cell, scan_seed), defect_seed


def _write_defective(job: ScanJob, cell: Cell, directory: Path) -> None:
    """Writes a scan that shows its defects: one that no view measures is drawn again, and the part scanned again."""
    planting = planter(job, cell)
    planted = planting.plant()
    measured = _measured(
        planted, _written(directory, cell, planted.instance, planting.shots), cell, planting.grid
    )
    while job.settings.least_detectability > 0 and not all(measured):
        planted = planting.again(planted, measured.index(0))
        views = _written(directory, cell, planted.instance, planting.shots)
        measured = _measured(planted, views, cell, planting.grid)
    pose = planted.instance.T_part_to_world
    records = [
        DefectRecord(defect, pose[:3, :3] @ defect.centre + pose[:3, 3], assessment, count)
        for defect, assessment, count in zip(planted.made.defects, planted.assessments, measured, strict=True)
    ]
    shown, unseen = ([getattr(one, name) for one in planted.assessments] for name in ("shown", "unseen"))
    write_truth(directory, ground_truth(shown, unseen, planting.grid), records)


def _written(directory: Path, cell: Cell, instance: Instance, views: Sequence[Shot]) -> Iterator[Capture]:
    """The views of a scan, each once it is written, and where the part and the cameras were."""
    places = [(camera, shot.camera) for camera, shot in zip(cell.cameras, views, strict=True)]
    write_placement(directory, instance.T_part_to_world, places)
    for index, shot in enumerate(views):
        view = capture(cell, instance, shot)
        write_real_view(directory, index, image=view.image, depth=view.depth)
        yield view


def _measured(planted: Planted, views: Iterable[Capture], cell: Cell, grid: VoxelGrid) -> list[int]:
    """How many voxels of each defect the views of its scan measure."""
    found = [np.zeros(0, np.int64) for _ in planted.assessments]
    for index, view in enumerate(views):
        for number, assessment in enumerate(planted.assessments):
            window = assessment.windows[index]
            if window is not None:
                voxels = measured_voxels(view.depth, cell.cameras[index], window, grid)
                found[number] = np.union1d(found[number], np.intersect1d(voxels, assessment.shown))
    return [len(voxels) for voxels in found]


@lru_cache(maxsize=2)
def _grid(category: str) -> VoxelGrid:
    return grid_around(nominal_part(category))
