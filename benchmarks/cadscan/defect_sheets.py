"""Pictures of defects: each with and without, in the view that shows most of it, and what differs there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from benchmarks.cadscan.assessment import assess
from benchmarks.cadscan.categories import setup_of
from benchmarks.cadscan.defects import KINDS, DefectError, make_defect
from benchmarks.cadscan.defects.twin import twin
from benchmarks.cadscan.detectability import Sight
from benchmarks.cadscan.ground_truth import grid_around
from benchmarks.cadscan.part import Defect, DefectivePart
from benchmarks.cadscan.planting import Planted
from benchmarks.cadscan.scan_jobs import DatasetSettings, scan_jobs
from benchmarks.cadscan.scan_making import cell_of, nominal_part, planter
from benchmarks.cadscan.scanner import Cell, Instance, Shot, capture, cell_for, lay_down, shots
from benchmarks.cadscan.window import Window

Array = npt.NDArray[Any]

TILE_WIDTH = 400
TILE, LABEL_WIDTH = (260, 200), 170
SIZES = (1.5, 5.5, 20.0)
PARTS = ("machined_bracket", "spur_gear")
RESOLUTION = (2048, 1536)
GRAY_GAIN, DEPTH_GAIN = 4.0, 254.0  # levels a level; levels a mm: half a millimetre is the whole scale


def planted_sheet(data: Path, category: str, *, scans: int) -> Array:
    """(H, W, 3) a row for every defect of the first anomalous scans of a category, made again from its settings."""
    settings = DatasetSettings.kept_in(data)
    jobs = [job for job in scan_jobs(data, settings, category) if job.kind == "bad"][:scans]
    cell, rows = cell_of(category, settings.size), []
    for job in track(jobs, description=f"defects: {category}", console=Console(stderr=True)):
        planting = planter(job, cell)
        rows += list(_rows(cell, planting.plant(), planting.shots))
    return np.vstack(rows)


def kinds_sheet() -> Array:
    """(H, W, 3) a row for every kind of defect at each of three sizes, on a part that can have it."""
    cells = {part: cell_for(nominal_part(part), setup_of(part), size=RESOLUTION) for part in PARTS}
    rows = []
    for kind in track(KINDS, description="kinds of defects", console=Console(stderr=True)):
        for size in SIZES:
            rows += next(_made(kind, size, cells), [])
    return np.vstack(rows)


def tile(picture: Array, size: tuple[int, int] | None = None) -> Array:
    """(h, w, 3) a picture, gray or of colours, at a size of (width, height)."""
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    size = size or (TILE_WIDTH, round(TILE_WIDTH * picture.shape[0] / picture.shape[1]))
    kind = cv2.INTER_AREA if size[0] < picture.shape[1] else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(picture, size, interpolation=kind))


def _made(kind: str, size: float, cells: dict[str, Cell]) -> Iterator[list[Array]]:
    for category, cell in cells.items():
        part = nominal_part(category)
        try:
            made = make_defect(part, kind, size=size, seed=3)
        except DefectError:
            continue
        seed = np.random.SeedSequence(1)
        bare, views = lay_down(cell, part, marks=(), seed=seed), shots(cell, seed)
        instance = bare.exchanged(cell, made.part, marks=made.patches)
        grid = grid_around(part)
        assessments = (assess(cell, instance, made, views, index=0, grid=grid),)
        yield list(_rows(cell, Planted(made, instance, assessments, 1), views))


def _rows(cell: Cell, planted: Planted, views: Sequence[Shot]) -> Iterator[Array]:
    """For each defect: its kind, size and d'; image without it, with it, and the two less one another; depth likewise.

    The two have other noise, so that what is seen of the difference is what noise leaves of it.
    """
    for index, assessment in enumerate(planted.assessments):
        best = int(np.argmax([sight.both for sight in assessment.sights]))
        window = assessment.windows[best]
        defect = planted.made.defects[index]
        text = _label(defect, assessment.sights[best])
        if window is None:
            yield np.hstack([text, np.zeros((TILE[1], 4 * TILE[0], 3), np.uint8)])
            continue
        yield np.hstack([text, *_tiles(cell, planted.instance, planted.made, index, views[best], window)])


def _tiles(
    cell: Cell, instance: Instance, made: DefectivePart, index: int, shot: Shot, window: Window
) -> list[Array]:
    without = twin(made, index)
    other = instance.exchanged(cell, without.part, marks=without.patches)
    noise = replace(shot, image_seed=shot.depth_seed, depth_seed=shot.image_seed)
    assert shot.camera.size is not None
    window = window.widened(TILE[0] / TILE[1], within=shot.camera.size)
    here, there = capture(cell, instance, shot, window=window), capture(cell, other, noise, window=window)
    gray = 128 + GRAY_GAIN * (here.image.astype(float) - there.image)
    measured = np.isfinite(here.depth) & np.isfinite(there.depth)
    change = np.subtract(here.depth, there.depth, out=np.zeros_like(here.depth), where=measured)
    depth = cv2.applyColorMap(np.clip(128 + DEPTH_GAIN * change, 0, 255).astype(np.uint8), cv2.COLORMAP_JET)
    depth[~np.isfinite(here.depth)] = 0
    depth[np.isfinite(here.depth) & ~measured] = 255
    pictures = (there.image, here.image, np.clip(gray, 0, 255).astype(np.uint8), np.asarray(depth))
    return [tile(picture, TILE) for picture in pictures]


def _label(defect: Defect, sight: Sight) -> Array:
    lines = (
        defect.kind,
        f"{defect.size:.1f} mm, {defect.depth:.2f} deep",
        f"d' depth {sight.depth:.1f}",
        f"d' image {sight.image:.1f}",
    )
    picture = np.zeros((TILE[1], LABEL_WIDTH, 3), np.uint8)
    for number, line in enumerate(lines):
        cv2.putText(picture, line, (5, 40 + 30 * number), 0, 0.4, (255,) * 3, 1, 16)
    return picture
