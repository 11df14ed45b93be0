"""The surface around a place as a height over the plane that touches it, from all views that measured it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from modmap.alignment.motion import dot
from modmap.alignment.surface import GRAZING, ViewSurface
from modmap.evidence.lookup import read_at
from modmap.types import Array

FACING = 0.25  # cosine to the place's normal: what is turned farther away is another side of the part
FACES_ALIKE = 0.5  # of the surface that tells a place's normal
AROUND_EDGE = -0.2  # of the two faces that meet in an edge
SMOOTHING = 1.2  # nodes of the grid: the sensor's noise stays with the pixels, and isn't part of the shape
LEAST_WEIGHT = 0.15  # of the smoothing, that must lie on measured nodes
NODES = 48  # along the grid's side, at most


@dataclass(frozen=True, eq=False)
class Relief:
    """A piece of surface.

    Attributes:
        centre: (3,) the place, mm.
        axes: (3, 3) rows: two directions along the surface, and its normal.
        reach: mm from the middle to the border of the grid.
        step: mm between the grid's nodes.
        heights: (N, N) float32 mm over the plane, rows along the second axis.
        known: (N, N) float32 1 where surface was measured, else 0.
    """

    centre: Array
    axes: Array
    reach: float
    step: float
    heights: Array
    known: Array

    @classmethod
    def around(
        cls,
        centre: Array,
        normal: Array,
        part: Mapping[str, ViewSurface],
        *,
        reach: float,
        turn: float | None = 0.0,
    ) -> Relief | None:
        """The surface within reach of a place; None where too little of it was measured.

        Args:
            centre: (3,) mm.
            normal: (3,) unit.
            part: The views' surfaces, by id.
            reach: mm.
            turn: Radians about the normal, by which the first direction is turned; None: along the edge that lies
                there, whose normal is then the middle of its two faces'.
        """
        # The grid's border is smoothed from what lies beyond it.
        points, normals, footprint = _near(centre, part, reach=1.3 * reach + 1e-3)
        if len(points) < 6:
            return None
        axes = _axes(normal, turn or 0.0)
        close = dot(points - centre, points - centre) <= (reach / 2) ** 2
        facing = normals[close & (normals @ normal > (AROUND_EDGE if turn is None else FACES_ALIKE))]
        if len(facing) >= 3:
            mean = facing.mean(axis=0)
            axes = _axes(mean / np.linalg.norm(mean), turn or 0.0)
        if turn is None:
            axes = _along_edge(axes[2], facing)
        step = max(footprint, 2 * reach / NODES)
        half = int(np.ceil(1.2 * reach / step))
        local = (points - centre) @ axes.T
        kept = (normals @ axes[2] > FACING) & (np.abs(local[:, 2]) < 1.5 * reach + 1.0)
        heights, known = _gridded(local[kept], step, half)
        if not known.any():
            return None
        return cls(centre, axes, half * step, step, heights, known)

    def at(self, u: Array, v: Array) -> Array:
        """Heights, mm, at places along the two directions, of any shape; NaN where no surface was measured."""
        half = (len(self.heights) - 1) / 2
        place = np.stack([u.ravel(), v.ravel()], axis=1).astype(np.float32) / np.float32(
            self.step
        ) + np.float32(half)
        height, known = read_at(self._both, place).T
        return np.where(known > 0.5, height, np.float32(np.nan)).reshape(u.shape)

    @cached_property
    def _both(self) -> Array:
        return np.stack([self.heights, self.known], axis=2)

    def covered(self, radius: float) -> float:
        """Share of the disc of a radius around the place that was measured, in [0, 1]."""
        half = len(self.heights) // 2
        across = (np.arange(len(self.heights)) - half) * self.step
        disc = across[:, None] ** 2 + across[None] ** 2 <= max(radius, self.step) ** 2
        return float(self.known[disc].mean())


def _near(centre: Array, part: Mapping[str, ViewSurface], *, reach: float) -> tuple[Array, Array, float]:
    """(M, 3) points within reach and (M, 3) their normals, of all views, and mm that a pixel shows there."""
    points, normals, footprints = [], [], []
    for surface in part.values():
        uv, z = surface.camera.project(centre[None])
        if not np.isfinite(uv).all():
            continue
        focal = surface.camera.K[0, 0]
        radius = int(np.ceil(1.2 * reach * focal / max(z[0] - reach, 1.0))) + 1
        column, row = (round(float(one)) for one in uv[0])
        window = (
            slice(max(row - radius, 0), max(row + radius + 1, 0)),
            slice(max(column - radius, 0), max(column + radius + 1, 0)),
        )
        smooth = surface.cosine[window] > GRAZING
        here = surface.points[window][smooth].astype(np.float64)
        near = ((here - centre) ** 2).sum(axis=1) <= reach**2
        if near.any():
            points.append(here[near])
            normals.append(surface.normals[window][smooth][near].astype(np.float64))
            footprints.append(float(z[0] / focal))
    if not points:
        return np.zeros((0, 3)), np.zeros((0, 3)), 1.0
    return np.concatenate(points), np.concatenate(normals), float(np.median(footprints))


def _axes(normal: Array, turn: float) -> Array:
    aside = np.array([1.0, 0, 0]) if abs(normal[0]) < 0.7 else np.array([0, 1.0, 0])
    first = np.cross(normal, aside)
    first /= np.linalg.norm(first)
    second = np.cross(normal, first)
    return np.stack(
        [np.cos(turn) * first + np.sin(turn) * second, np.cos(turn) * second - np.sin(turn) * first, normal]
    )


def _along_edge(normal: Array, facing: Array) -> Array:
    """(3, 3) the directions of an edge: along it no normal of its faces changes."""
    if len(facing) < 3:
        return _axes(normal, 0.0)
    along = np.linalg.eigh(facing.T @ facing)[1][:, 0]
    along -= (along @ normal) * normal
    along /= np.linalg.norm(along)
    return np.stack([along, np.cross(normal, along), normal])


def _gridded(local: Array, step: float, half: int) -> tuple[Array, Array]:
    """(N, N) smoothed heights at the nodes, filled in where nothing was measured, and (N, N) where something was."""
    side = 2 * half + 1
    column, row = (np.rint(local[:, axis] / step).astype(np.int64) + half for axis in (0, 1))
    inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    node = row[inside] * side + column[inside]
    count = np.bincount(node, minlength=side**2).reshape(side, side).astype(np.float32)
    total = np.bincount(node, local[inside, 2], side**2).reshape(side, side).astype(np.float32)
    blurred, weight = (
        cv2.GaussianBlur(one, (0, 0), SMOOTHING, borderType=cv2.BORDER_CONSTANT) for one in (total, count)
    )
    typical = float(np.median(count[count > 0])) if (count > 0).any() else 1.0
    known = (weight > LEAST_WEIGHT * typical).astype(np.float32)
    heights = np.divide(blurred, weight, out=np.zeros_like(blurred), where=known > 0)
    return _filled(heights, known), known


def _filled(heights: Array, known: Array) -> Array:
    """Heights with the nearest known one where none is, so that interpolation has no cliff at the border."""
    if known.all() or not known.any():
        return heights
    labels = cv2.distanceTransformWithLabels(
        (known == 0).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )[1]
    by_label = np.zeros(int(labels.max()) + 1, np.float32)
    by_label[labels[known > 0]] = heights[known > 0]
    return np.asarray(by_label[labels])
