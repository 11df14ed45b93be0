"""What a part lies on: a plane with everything on one side of it, which stays where it is when the part moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from modmap.alignment.surface import ViewSurface
from modmap.types import Array

LEAST_SHARE = 0.1  # of the smooth surface: a smaller plane may be a face of the part
ONE_SIDE = 0.98
DRAWN = 20_000
THICKNESS = 0.004  # of the scan's extent: how far off the plane still counts as on it
TRIES = 300


def without_support(surfaces: Mapping[str, ViewSurface]) -> tuple[dict[str, ViewSurface], bool]:
    """Takes the plane that a part lies on out of the surface that tells its motion.

    Returns:
        The surfaces, with no normals on the plane, and whether there was one.
    """
    found = support_plane(surfaces)
    if found is None:
        return dict(surfaces), False
    normal, offset, thickness = found
    kept = {}
    for view_id, surface in surfaces.items():
        off = np.abs(surface.points @ normal.astype(np.float32) - np.float32(offset)) > thickness
        kept[view_id] = replace(surface, cosine=np.where(off, surface.cosine, 0).astype(np.float32))
    return kept, True


def support_plane(surfaces: Mapping[str, ViewSurface]) -> tuple[Array, float, float] | None:
    """The unit normal, offset and half thickness (mm) of the plane that a part lies on; None where there is none."""
    rng = np.random.default_rng(0)
    points, normals = [], []
    for surface in surfaces.values():
        rows, columns = np.nonzero(surface.smooth)
        chosen = rng.integers(0, max(len(rows), 1), min(DRAWN // len(surfaces), len(rows)))
        points.append(surface.points[rows[chosen], columns[chosen]])
        normals.append(surface.normals[rows[chosen], columns[chosen]])
    every, facing = np.concatenate(points).astype(np.float64), np.concatenate(normals).astype(np.float64)
    if len(every) < 100:
        return None
    extent = float(np.linalg.norm(np.percentile(every, 98, axis=0) - np.percentile(every, 2, axis=0)))
    thickness = THICKNESS * extent
    best: tuple[int, Array, float] | None = None
    few, offset = len(every) // 4, np.empty_like(every)
    for index in rng.integers(0, len(every), TRIES):
        for axis in range(3):  # at once it takes three times as long
            np.subtract(every[:, axis], every[index, axis], out=offset[:, axis])
        alike = np.flatnonzero((np.abs(offset @ facing[index]) < thickness) & (facing @ facing[index] > 0.95))
        if not len(alike):
            continue
        normal = _mean(facing[alike])
        normal /= np.linalg.norm(normal)
        # Of most planes a quarter of the points has more below it than all of them may.
        if np.count_nonzero(offset[:few] @ normal < -thickness) > 1 + (1 - ONE_SIDE) * len(every):
            continue
        height = offset @ normal
        on = np.abs(height) <= thickness
        above, count = np.count_nonzero(height >= -thickness) / len(every), np.count_nonzero(on)
        if above >= ONE_SIDE and count / len(every) >= LEAST_SHARE and (best is None or count > best[0]):
            best = int(count), normal, float(every[index] @ normal + np.median(height[on]))
    return None if best is None else (best[1], best[2], thickness)


def _mean(rows: Array) -> Array:
    """(3,) the mean of (N, 3) rows, added up in their order: `numpy.mean` to the last bit, in a third of the time."""
    total: Array = np.array([np.add.accumulate(column)[-1] for column in rows.T])
    return total / len(rows)
