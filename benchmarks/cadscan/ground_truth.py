"""From changed points to defect voxels: a grid shared by all scans of a category, and the voxels changed in it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from benchmarks.cadscan.part import Array, Defect, Part
from modmap.datasets.ground_truth import GroundTruth
from modmap.volume import VoxelGrid

SMALL_PART = 120.0  # mm; parts whose largest extent is below it have voxels half as large
MARGIN = 10.0  # mm around the part; a part laid down by hand is up to 3 mm and 1.5 degrees off its place


def voxel_size(part: Part) -> float:
    """Edge of the ground truth's voxels: 2 mm, or 1 mm for a part under 120 mm."""
    return 1.0 if float(np.ptp(part.vertices, axis=0).max()) < SMALL_PART else 2.0


def grid_around(nominal: Part, *, margin: float = MARGIN) -> VoxelGrid:
    """The grid for all scans of a category.

    Args:
        nominal: The category's part without tolerance, so that every scan's grid is the same.
        margin: mm around the part.

    Returns:
        A grid whose corners are at multiples of its voxel.
    """
    voxel = voxel_size(nominal)
    low = np.floor((nominal.vertices.min(axis=0) - margin) / voxel)
    high = np.ceil((nominal.vertices.max(axis=0) + margin) / voxel)
    x, y, z = (int(n) for n in high - low)
    return VoxelGrid(low * voxel, voxel, (x, y, z))


def ground_truth(
    defects: Iterable[Defect], grid: VoxelGrid, *, T_part_to_world: Array | None = None
) -> GroundTruth:
    """The voxels within half a voxel (along each axis, from their centre) of a changed point.

    Such a voxel is one that a changed piece of surface passes through. Points outside the grid are left out.

    Args:
        defects: Of one scan.
        grid: In the world frame.
        T_part_to_world: (4, 4), where the part lay in this scan; by default where it was built.
    """
    mask = np.zeros(grid.shape, bool)
    for defect in defects:
        points = np.asarray(defect.changed_points, dtype=np.float64)
        if T_part_to_world is not None:
            points = points @ T_part_to_world[:3, :3].T + T_part_to_world[:3, 3]
        index = np.floor((points - grid.origin) / grid.voxel).astype(np.int64)
        inside = ((index >= 0) & (index < grid.shape)).all(axis=1)
        mask[tuple(index[inside].T)] = True
    return GroundTruth(mask, origin=grid.origin, voxel=grid.voxel)
