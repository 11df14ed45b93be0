"""Pictures to look at: a contact sheet a category, and every kind of defect at three sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from benchmarks.cadscan.categories import setup_of
from benchmarks.cadscan.dataset import nominal_part
from benchmarks.cadscan.defects import KINDS, make_defect
from benchmarks.cadscan.defects.changes import spacing
from benchmarks.cadscan.errors import CadscanError
from benchmarks.cadscan.part import DefectivePart
from benchmarks.cadscan.render import Caster
from benchmarks.cadscan.scanner import Capture, Cell, capture, cell_for, lay_down
from benchmarks.cadscan.visibility import PlacedDefect
from modmap.datasets import SiM3D, read_ground_truth
from modmap.scan import Camera, Frame, Scan

Array = npt.NDArray[Any]

VIEWS_SHOWN = 6
COUNTING_WINDOW = (160, 120)
TILE_WIDTH = 400
DEFECT_SIZES = (1.5, 5.5, 20.0)
DEFECT_PARTS = ("machined_bracket", "spur_gear", "pump_housing", "deep_groove_bearing")
DEFECT_TILE = (220, 180)
DEFECT_RESOLUTION = (2048, 1536)


class SheetError(CadscanError):
    """A picture that cannot be drawn."""


def draw_sheets(data: Path, out: Path, *, defects: bool = True) -> Iterator[Path]:
    """Draws the sheets of a set.

    Args:
        data: The set.
        out: Where the pictures go.
        defects: Draw the sheet of defects too; it does not depend on the set.

    Yields:
        The path of each picture, once it is written.
    """
    out.mkdir(parents=True, exist_ok=True)
    dataset = SiM3D(data)
    for category in dataset.categories:
        anomalous = [scan for scan in dataset.tests(category) if scan.anomalous]
        if not anomalous:
            raise SheetError(f"{data / category}: expected an anomalous test scan, found none")
        sheet = contact_sheet(
            dataset.train(category, "real"), rendered=dataset.train(category, "synth"), anomalous=anomalous[0]
        )
        path = out / f"{category}.png"
        cv2.imwrite(str(path), sheet)
        yield path
    if defects:
        path = out / "defects.png"
        cv2.imwrite(str(path), defect_sheet())
        yield path


def contact_sheet(real: Scan, *, rendered: Scan, anomalous: Scan) -> Array:
    """(H, W, 3) views in columns; in rows: real image and depth, rendered image and depth, anomalous image, depth,
    and its ground truth over the image."""
    step = max(1, len(real) // VIEWS_SHOWN)
    columns = []
    for index in range(0, len(real), step):
        nominal, render, test = (scan.views[index].load() for scan in (real, rendered, anomalous))
        tiles = [nominal.image, depth_picture(nominal.depth), render.image, depth_picture(render.depth)]
        tiles += [test.image, depth_picture(test.depth), truth_picture(test, anomalous)]
        columns.append(np.vstack([_tile(tile) for tile in tiles]))
    return np.hstack(columns)


def depth_picture(depth: Array) -> Array:
    """(H, W, 3) near is bright, not measured is black; the scale is this map's."""
    measured = depth[depth > 0]
    if not len(measured):
        return np.zeros((*depth.shape, 3), np.uint8)
    near, far = np.percentile(measured, [1, 99])
    level = np.clip(255 * (far - depth) / max(far - near, 1e-6), 0, 255).astype(np.uint8)
    picture = cv2.applyColorMap(level, cv2.COLORMAP_VIRIDIS)
    picture[depth <= 0] = 0
    return np.asarray(picture)


def truth_picture(frame: Frame, scan: Scan) -> Array:
    """(H, W, 3) the image with the defect voxels that nothing hides in red."""
    picture = cv2.cvtColor(frame.image, cv2.COLOR_GRAY2BGR)
    if scan.ground_truth is None or frame.camera is None:
        return np.asarray(picture)
    truth = read_ground_truth(scan.ground_truth)
    centres = (np.argwhere(truth.mask) + 0.5) * truth.voxel + truth.origin
    uv, z = frame.camera.project(centres)
    for (u, v), distance in zip(uv, z, strict=True):
        radius = max(1, round(0.5 * truth.voxel * frame.camera.K[0, 0] / distance))
        if not (0 <= u < frame.image.shape[1] and 0 <= v < frame.image.shape[0]):
            continue
        before = frame.depth[
            round(v) - (round(v) == frame.depth.shape[0]), round(u) - (round(u) == frame.depth.shape[1])
        ]
        if before == 0 or distance < before + 2 * truth.voxel:
            cv2.circle(picture, (round(u), round(v)), radius, (40, 40, 255), -1)
    return np.asarray(picture)


def defect_sheet() -> Array:
    """(H, W, 3) a row for every kind; for each of three sizes: without it, with it, and its depth less the true one's.

    The window is four times as wide as the defect; depth from -1 mm (blue) to 1 mm (red).
    """
    cells = {
        part: cell_for(nominal_part(part), setup_of(part), size=DEFECT_RESOLUTION)
        for part in DEFECT_PARTS[:2]
    }
    rows = []
    for kind in track(KINDS, description="defects", console=Console(stderr=True)):
        row = [
            cv2.putText(
                np.zeros((DEFECT_TILE[1], 150, 3), np.uint8), kind, (5, 90), 0, 0.45, (255,) * 3, 1, 16
            )
        ]
        for size in DEFECT_SIZES:
            row += _defect_tiles(kind, size, cells)
        rows.append(np.hstack(row))
    return np.vstack(rows)


def _defect_tiles(kind: str, size: float, cells: dict[str, Cell]) -> list[Array]:
    blank = np.zeros((DEFECT_TILE[1], DEFECT_TILE[0], 3), np.uint8)
    for category, cell in cells.items():
        part = nominal_part(category)
        try:
            made = make_defect(part, kind, size=size, seed=3)
        except ValueError:
            continue
        before, after = _close_ups(cell, DefectivePart(part, (), ()), made)
        hit = np.isfinite(after.trace.z) & np.isfinite(before.trace.z)
        change = np.subtract(after.trace.z, before.trace.z, where=hit, out=np.zeros_like(after.trace.z))
        level = np.clip(128 + 127 * change, 0, 255).astype(np.uint8)
        tiles = [before.image, after.image, cv2.applyColorMap(level, cv2.COLORMAP_JET)]
        return [_tile(np.asarray(tile), DEFECT_TILE) for tile in tiles]
    return [blank] * 3


def _close_ups(cell: Cell, nominal: DefectivePart, made: DefectivePart) -> tuple[Capture, Capture]:
    """The window about a defect in the view that shows most of it, without and with it; the same finish and noise."""
    index = _best_view(cell, made)
    defect = made.defects[0]
    camera = cell.cameras[index]
    (centre,), (distance,) = camera.project(defect.centre[None])
    width = int(np.clip(4 * defect.size * camera.K[0, 0] / distance, 60, 800))
    window = (width, round(width * DEFECT_TILE[1] / DEFECT_TILE[0]))
    K = camera.K.copy()
    K[:2, 2] -= np.rint(centre) - np.array(window) // 2
    close = replace(camera, K=K, size=window)
    shots = []
    for part in (nominal, made):
        seed = np.random.SeedSequence(1)
        instance = lay_down(cell, part.part, marks=part.patches, seed=seed)
        placed_camera = replace(
            close, T_world_to_camera=close.T_world_to_camera @ np.linalg.inv(instance.T_part_to_world)
        )
        shots.append(capture(cell, instance, camera=placed_camera, exposure=cell.exposures[index], seed=seed))
    return shots[0], shots[1]


def _best_view(cell: Cell, made: DefectivePart) -> int:
    """The view that shows most of the defect, each seen through a window as fine as the defect is small."""
    defect = made.defects[0]
    placed = PlacedDefect.of(defect, made.part, T_part_to_world=np.eye(4), spacing=spacing(made.part))
    caster = Caster(made.part.vertices, made.part.faces)
    width, height = COUNTING_WINDOW
    v, u = np.mgrid[0:height, 0:width].reshape(2, -1)
    counts = []
    for camera in cell.cameras:
        pitch = 4 * defect.size * camera.K[0, 0] / cell.head.distance / width
        window = _window(camera, defect.centre, pitch=pitch)
        ends = window.back_project(np.stack([u, v], axis=1), np.ones(len(u)))
        z = caster.cast(window.centre, ends - window.centre).t.reshape(height, width)
        counts.append(placed.visible_pixels(z, window))
    return int(np.argmax(counts))


def _window(camera: Camera, place: Array, *, pitch: float) -> Camera:
    """A camera's view around a place, in a window whose pixels are `pitch` of the camera's wide."""
    (centre,), _ = camera.project(place[None])
    K = camera.K.copy()
    K[:2, 2] -= centre
    K[:2] /= pitch
    K[:2, 2] += (np.array(COUNTING_WINDOW) - 1) / 2
    return replace(camera, K=K, size=COUNTING_WINDOW)


def _tile(picture: Array, size: tuple[int, int] | None = None) -> Array:
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    size = size or (TILE_WIDTH, round(TILE_WIDTH * picture.shape[0] / picture.shape[1]))
    kind = cv2.INTER_AREA if size[0] < picture.shape[1] else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(picture, size, interpolation=kind))
