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


def voxels_at(points: Array, grid: VoxelGrid) -> Array:
    """(V,) ascending numbers of the voxels of a grid that (M, 3) points of the world are in."""
    index, inside = grid.index(points)
    numbers: Array = np.unique(np.ravel_multi_index(tuple(index[inside].T), grid.shape))
    return numbers


def changed_voxels(defect: Defect, grid: VoxelGrid, *, T_part_to_world: Array) -> Array:
    """(V,) numbers of the voxels that a changed piece of surface passes through, seen or not.

    Args:
        defect: Samples of its surface are at most a third of a voxel apart.
        grid: In the world frame.
        T_part_to_world: (4, 4), where the part lay in this scan.
    """
    return voxels_at(defect.changed_points @ T_part_to_world[:3, :3].T + T_part_to_world[:3, 3], grid)


def ground_truth(shown: Iterable[Array], unseen: Iterable[Array], grid: VoxelGrid) -> GroundTruth:
    """The ground truth of a scan from the numbers of its defects' voxels: those a scanner can measure, and the rest.

    A voxel that is unseen as one defect's and can be measured as another's is ground truth; one that can be measured as
    two defects' is the first's.
    """
    defect = np.zeros(grid.shape, np.int32)
    for number, voxels in reversed(list(enumerate(shown, start=1))):
        defect.reshape(-1)[voxels] = number
    rest = np.zeros(grid.shape, bool)
    for voxels in unseen:
        rest.reshape(-1)[voxels] = True
    mask = defect > 0
    return GroundTruth(mask, grid.origin, grid.voxel, unseen=rest & ~mask, defect=defect)
