"""Which views see a defect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from benchmarks.cadscan.defects.changes import Change
from benchmarks.cadscan.part import Defect, Part
from modmap.scan import Camera

Array = npt.NDArray[Any]

ENOUGH_PIXELS = 20


@dataclass(frozen=True)
class PlacedDefect:
    """A defect where the part with it was laid.

    Attributes:
        points: (M, 3) samples of its changed surface, world frame, mm.
        spacing: Largest distance between neighbouring samples, mm.
        change: Judges the points of the surface between them, in the part frame.
        T_part_to_world: (4, 4) the placement.
    """

    points: Array
    spacing: float
    change: Change
    T_part_to_world: Array

    @classmethod
    def of(cls, defect: Defect, part: Part, *, T_part_to_world: Array, spacing: float) -> PlacedDefect:
        """A defect of a part, which has all its defects."""
        rotation, shift = T_part_to_world[:3, :3], T_part_to_world[:3, 3]
        points = defect.changed_points @ rotation.T + shift
        return cls(points, spacing, Change(defect, part), T_part_to_world)

    def visible_pixels(self, z: Array, camera: Camera) -> int:
        """How many pixels show the defect.

        Args:
            z: (H, W) true planar depth, inf where nothing is.
            camera: Where the camera really was.

        Returns:
            Count of the pixels whose first surface is near a sample and changed itself, as the samples did, and of
            those where a sample of a vanished surface would stand before the first surface. A thin line counts the
            pixels whose middle is on it.
        """
        uv, depth = camera.project(self.points)
        inside = (depth > 0) & (uv >= -0.5).all(axis=1)
        inside &= (uv[:, 0] < z.shape[1] - 0.5) & (uv[:, 1] < z.shape[0] - 0.5)
        if not inside.any():
            return 0
        uv, depth, vanished = uv[inside], depth[inside], self.change.vanished[inside]
        margin = int(np.ceil(self.spacing * camera.K[0, 0] / depth.min())) + 1
        low = np.maximum(np.rint(uv.min(axis=0)).astype(int) - margin, 0)
        high = np.rint(uv.max(axis=0)).astype(int) + margin + 1
        window = z[low[1] : high[1], low[0] : high[0]]
        v, u = np.nonzero(np.isfinite(window))
        surface = camera.back_project(np.stack([u + low[0], v + low[1]], axis=1), window[v, u])
        shown = np.zeros(window.shape, dtype=bool)
        shown[v, u] = self._changed(surface, self.points[inside])
        column, row = (np.rint(uv[vanished]).astype(int) - low).T
        before = depth[vanished] < window[row, column] - self.spacing
        shown[row[before], column[before]] = True
        return int(shown.sum())

    def _changed(self, surface: Array, samples: Array) -> Array:
        """(N,) bool of (N, 3) points of the first surface: those near a sample that changed themselves."""
        distance, _ = cKDTree(samples).query(surface, distance_upper_bound=self.spacing)
        near = np.flatnonzero(np.isfinite(distance))
        rotation, shift = self.T_part_to_world[:3, :3], self.T_part_to_world[:3, 3]
        changed = np.zeros(len(surface), bool)
        changed[near] = self.change.at((surface[near] - shift) @ rotation)
        return changed
