"""What the views of a scan can show of a defect: how surely it could be found, and which voxels they can measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmarks.cadscan.defects.twin import twin
from benchmarks.cadscan.detectability import NOTHING, Expectation, Sight, expectation, sight
from benchmarks.cadscan.ground_truth import changed_voxels, voxels_at
from benchmarks.cadscan.part import Array, Defect, DefectivePart
from benchmarks.cadscan.scanner import Cell, Instance, Shot
from benchmarks.cadscan.window import Window, window_around
from modmap.scan import Camera
from modmap.volume import VoxelGrid

BESIDE = 0.5  # mm beside its samples that a defect can still change a little


@dataclass(frozen=True)
class Assessment:
    """What the views of a scan can show of one defect.

    Attributes:
        sights: How much each view shows of it.
        windows: Where in each view it can be seen; None: nowhere.
        shown: (V,) numbers of its voxels that a scanner without noise measures from one of the views.
        unseen: (U,) numbers of the voxels that it changed, too, but where no view measures anything.
    """

    sights: tuple[Sight, ...]
    windows: tuple[Window | None, ...]
    shown: Array
    unseen: Array

    @property
    def best(self) -> float:
        """d' in the view that shows most of it."""
        return max(one.both for one in self.sights)


def assess(
    cell: Cell, instance: Instance, made: DefectivePart, shots: Sequence[Shot], *, index: int, grid: VoxelGrid
) -> Assessment:
    """Compares a part with its twin without one defect, view by view, in the same place, light and finish.

    The ground truth is where the scan itself can show the defect. Changed surface counts if a view measures a point of
    it. Where surface is missing, the views measure what is behind: that counts, as far as it lies within the box of the
    changed surface, and the place in the air does not.

    Args:
        cell: Of the category.
        instance: The part with all its defects, as it lies.
        made: It, in its own frame.
        shots: The views.
        index: Which defect.
        grid: Of the ground truth.
    """
    defect, without = made.defects[index], twin(made, index)
    other = instance.exchanged(cell, without.part, marks=without.patches)
    pose = instance.T_part_to_world
    box, changed_box = reach_of(defect, pose), _box(_placed(defect.changed_points, pose), grid.voxel)
    sights, windows, measured, revealed = [], [], [], []
    for shot in shots:
        window = window_around(box, instance.stage, shot.camera, head=cell.head)
        windows.append(window)
        if window is None:
            sights.append(NOTHING)
            continue
        here, there = (expectation(cell, one, shot, window) for one in (instance, other))
        sights.append(sight(here, there))
        camera = window.of_camera(shot.camera)
        measured.append(voxels_at(_points(here, here.measured, camera), grid))
        behind = _points(here, _gone(here, there, step=grid.voxel / 2), camera)
        inside = ((behind >= changed_box[0]) & (behind <= changed_box[1])).all(axis=1)
        revealed.append(voxels_at(behind[inside], grid))
    changed = changed_voxels(defect, grid, T_part_to_world=pose)
    none = np.zeros(0, np.int64)
    seen = np.intersect1d(changed, np.concatenate([none, *measured]))
    shown = np.union1d(seen, np.concatenate([none, *revealed]))
    return Assessment(tuple(sights), tuple(windows), shown, np.setdiff1d(changed, shown))


def measured_voxels(depth: Array, camera: Camera, window: Window, grid: VoxelGrid) -> Array:
    """(V,) numbers of the voxels in which a depth map has a measurement, of the pixels in a window.

    Args:
        depth: (H, W) of the whole view, inf where nothing was measured.
        camera: As the calibration has it, which is all that a reader knows.
        window: Of the view.
        grid: Of the ground truth.
    """
    piece = window.of_image(depth)
    v, u = np.nonzero(np.isfinite(piece))
    return voxels_at(
        window.of_camera(camera).back_project(np.stack([u, v], axis=1), piece[v, u].astype(float)), grid
    )


def reach_of(defect: Defect, T_part_to_world: Array) -> Array:
    """(2, 3) the corners of a box in the world that has all that a defect changed."""
    box = _box(defect.changed_points, BESIDE)
    if defect.kind == "warp":
        box = _box(np.stack([*box, defect.centre - defect.size / 2, defect.centre + defect.size / 2]), 0.0)
    if defect.patch is not None:
        mark = _box(np.atleast_2d(defect.patch.path), defect.patch.radius + defect.patch.softness)
        box = _box(np.stack([*box, *mark]), 0.0)
    return _box(_placed(np.array(list(product(*box.T))), T_part_to_world), 0.0)


def _box(points: Array, margin: float) -> Array:
    return np.stack([points.min(axis=0) - margin, points.max(axis=0) + margin])


def _placed(points: Array, T_part_to_world: Array) -> Array:
    placed: Array = points @ T_part_to_world[:3, :3].T + T_part_to_world[:3, 3]
    return placed


def _gone(here: Expectation, there: Expectation, *, step: float) -> Array:
    """(H, W) whether the part lacks surface that its twin has, and what is behind it is measured."""
    seen_through = np.isfinite(there.depth) & here.measured
    further = np.subtract(
        here.depth, there.depth, out=np.zeros(here.depth.shape, np.float32), where=seen_through
    )
    gone: Array = further > step
    return gone


def _points(view: Expectation, mask: Array, camera: Camera) -> Array:
    v, u = np.nonzero(mask)
    return camera.back_project(np.stack([u, v], axis=1), view.depth[v, u].astype(float))
