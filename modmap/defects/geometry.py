"""The size of a region of surface voxels: its box, its area, its normals."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import ConvexHull, QhullError, cKDTree

from modmap.defects.defect import OrientedBox
from modmap.types import Array

# Voxels around one that its normal is taken from, in voxels: enough to see past the steps of the grid.
NORMAL_REACH = 3.0
FEWEST_FOR_NORMAL = 4
LEAST_SPREAD = 0.1
POINTS_AT_ONCE = 10_000
MOST_FACES = 2000


def oriented_box(points: Array, voxel: float) -> OrientedBox:
    """The smallest box found around voxels.

    One side of it is flush with a face of their convex hull, or square to an axis of the grid or a principal axis; in
    that plane its rectangle is the smallest there is.

    Args:
        points: (M, 3) centres of the voxels, mm.
        voxel: Their edge, mm; the box holds the voxels by their width, whatever its direction.
    """
    centre = points.mean(axis=0)
    local = points - centre
    normals, corners = _candidates(local)
    best: tuple[float, Array, Array, Array] | None = None
    for normal in normals:
        axes, middle, size = _box_square_to(normal, corners, voxel)
        volume = float(np.prod(size))
        if best is None or volume < best[0] * (1 - 1e-6):
            best = volume, axes, middle, size
    assert best is not None
    _, axes, middle, size = best
    order = np.argsort(-size, kind="stable")
    axes, size = axes[order], size[order]
    if np.linalg.det(axes) < 0:
        axes[2] = -axes[2]
    return OrientedBox(
        centre_mm=_vector(centre + middle),
        size_mm=_vector(size),
        axes=(_vector(axes[0]), _vector(axes[1]), _vector(axes[2])),
    )


def surface_normals(points: Array, surface: Array, voxel: float) -> Array:
    """(M, 3) unit normals, of either sign, of the surface at some of its voxels.

    Args:
        points: (M, 3) centres of the voxels asked for, mm.
        surface: (S, 3) centres of all voxels of the surface around them, mm.
        voxel: Their edge, mm.

    Returns:
        The direction of least spread of the voxels near each; zero where too few are near to tell.
    """
    tree = cKDTree(surface)
    normals = np.zeros((len(points), 3))
    for first in range(0, len(points), POINTS_AT_ONCE):
        here = slice(first, first + POINTS_AT_ONCE)
        normals[here] = _least_spread(points[here], surface, tree, voxel)
    return normals


def _least_spread(points: Array, surface: Array, tree: cKDTree, voxel: float) -> Array:
    near = tree.query_ball_point(points, NORMAL_REACH * voxel)
    counts = np.array([len(one) for one in near])
    rows = np.flatnonzero(counts >= FEWEST_FOR_NORMAL)
    normals = np.zeros((len(points), 3))
    if not len(rows):
        return normals
    counts = counts[rows]
    starts = np.cumsum(counts) - counts
    offsets = surface[np.concatenate([near[row] for row in rows])] - np.repeat(points[rows], counts, axis=0)
    mean = np.add.reduceat(offsets, starts) / counts[:, None]
    squares = np.add.reduceat(offsets[:, :, None] * offsets[:, None, :], starts) / counts[:, None, None]
    spread, axes = np.linalg.eigh(squares - mean[:, :, None] * mean[:, None, :])
    # Voxels in a row say nothing of the surface across it.
    known = spread[:, 1] > LEAST_SPREAD * voxel**2
    normals[rows[known]] = axes[known, :, 0]
    return normals


def surface_area(normals: Array, voxel: float) -> float:
    """The area, mm2, of a surface from the voxels that it passes.

    A plane with unit normal n passes (|nx| + |ny| + |nz|) / voxel^2 voxels a unit of area, so each voxel stands for
    the inverse of that.

    Args:
        normals: (M, 3) unit normals at the voxels; zero, where unknown, counts as square to an axis.
        voxel: Edge of a voxel, mm.
    """
    return float((voxel**2 / np.maximum(np.abs(normals).sum(axis=1), 1.0)).sum())


def _candidates(local: Array) -> tuple[Array, Array]:
    """(K, 3) directions that a side of the box may have, and the points that matter for it."""
    principal = np.linalg.eigh(local.T @ local)[1].T
    normals = [np.eye(3), principal]
    corners = local
    try:
        hull = ConvexHull(local)
    except (QhullError, ValueError):
        pass  # flat or too few: the axes above hold it
    else:
        normals.append(np.unique(np.round(hull.equations[:, :3], 6), axis=0)[:MOST_FACES])
        corners = local[hull.vertices]
    found = np.concatenate(normals)
    return found / np.linalg.norm(found, axis=1, keepdims=True), corners


def _box_square_to(normal: Array, points: Array, voxel: float) -> tuple[Array, Array, Array]:
    """(3, 3) axes, (3,) middle and (3,) edges of the smallest box with a side square to `normal`."""
    first = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
    first /= np.linalg.norm(first)
    second = np.cross(normal, first)
    flat = np.stack([points @ first, points @ second], axis=1)
    _, _, angle = cv2.minAreaRect(flat.astype(np.float32))
    turn = np.deg2rad(angle)
    u = np.cos(turn) * first + np.sin(turn) * second
    axes = np.stack([u, np.cross(normal, u), normal])
    along = points @ axes.T
    low, high = along.min(axis=0), along.max(axis=0)
    return axes, ((low + high) / 2) @ axes, high - low + voxel


def _vector(values: Array) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
