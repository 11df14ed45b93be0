"""The anomaly volume: from pixels to voxels by the maximum, and back (Sec. 3.2.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from modmap.errors import ModMapError, one_line
from modmap.foreground import foreground_mask
from modmap.scan import Frame, Scan
from modmap.types import DEFAULT_FOREGROUND, Array, ForegroundMode

MOST_VOXELS = 1_000_000_000


@dataclass(frozen=True, eq=False)
class VoxelGrid:
    """A box of cubic voxels in the world.

    Attributes:
        origin: (3,) mm, the lower corner of voxel (0, 0, 0).
        voxel: Edge of a voxel, mm.
        shape: (X, Y, Z) voxels.
    """

    origin: Array
    voxel: float
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "origin", np.asarray(self.origin, dtype=np.float64))
        if self.origin.shape != (3,) or not np.isfinite(self.origin).all() or not self.voxel > 0:
            raise ModMapError(
                f"voxel grid: expected a finite origin (3,) and a positive voxel, found {self.origin.tolist()} and "
                f"{self.voxel}"
            )
        x, y, z = (int(n) for n in self.shape)
        object.__setattr__(self, "shape", (x, y, z))
        if min(self.shape) < 1 or x * y * z > MOST_VOXELS:
            raise ModMapError(
                f"voxel grid: expected 1 to {MOST_VOXELS:,} voxels, found {x} x {y} x {z} of {self.voxel} mm: stray "
                "depth far from the part, or too small a voxel"
            )

    @classmethod
    def from_dict(cls, entry: Any) -> VoxelGrid:
        """The grid of what `to_dict` gave, read back from JSON.

        Raises:
            ModMapError: the keys are others, or a value can't be used.
        """
        if isinstance(entry, VoxelGrid):
            return entry
        keys = ("origin", "voxel", "shape")
        if not isinstance(entry, Mapping) or set(entry) != set(keys):
            raise ModMapError(f"voxel grid: expected {', '.join(keys)}, found {entry!r}")
        try:
            x, y, z = entry["shape"]
            return cls(np.asarray(entry["origin"], dtype=np.float64), float(entry["voxel"]), (x, y, z))
        except (TypeError, ValueError, OverflowError) as error:
            raise ModMapError(f"voxel grid: {one_line(error)}") from None

    def to_dict(self) -> dict[str, Any]:
        """Origin (mm), voxel (mm) and shape as plain numbers, for JSON."""
        return {"origin": self.origin.tolist(), "voxel": self.voxel, "shape": list(self.shape)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VoxelGrid) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((*self.origin.tolist(), self.voxel, self.shape))

    def same_as(self, other: VoxelGrid) -> bool:
        """Whether another grid has the same voxels, but for rounding of the origin."""
        alike = self.shape == other.shape and self.voxel == other.voxel
        return alike and bool(np.allclose(self.origin, other.origin))

    @classmethod
    def around(
        cls,
        scans: Sequence[Scan],
        voxel: float = 2.0,
        *,
        margin: float = 4.0,
        foreground: ForegroundMode = DEFAULT_FOREGROUND,
    ) -> VoxelGrid:
        """The smallest grid that holds every foreground pixel of some scans, on the lattice of multiples of `voxel`.

        Args:
            scans: Scans with a camera for every view.
            voxel: Edge of a voxel, mm.
            margin: Room left on every side, mm.
            foreground: Which pixels are the part.

        Raises:
            ModMapError: a view has no camera, nothing was measured, or the grid would be too large.
        """
        points = []
        for scan in scans:
            scan.require_cameras()
            for frame in scan.frames():
                mask = foreground_mask(frame.depth, mode=foreground)[0]
                if mask.any():
                    points.append(extent(frame, mask))
        if not points:
            names = ", ".join(scan.name for scan in scans)
            raise ModMapError(
                f"voxel grid: expected measured depth in {names or 'at least one scan'}, found none"
            )
        return cls.spanning(np.concatenate(points), voxel, margin=margin)

    @classmethod
    def spanning(cls, points: Array, voxel: float = 2.0, *, margin: float = 4.0) -> VoxelGrid:
        """The smallest grid that holds some world points (M, 3), on the lattice of multiples of `voxel`."""
        low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
        first = np.floor(low / voxel)
        count = np.floor(high / voxel) - first + 1
        return cls(origin=first * voxel, voxel=voxel, shape=(int(count[0]), int(count[1]), int(count[2])))

    def index(self, points: Array) -> tuple[Array, Array]:
        """(M, 3) int64 voxel of each world point (M, 3), and (M,) bool whether it is inside the grid."""
        # Counted from the lattice's zero, so that a point on a border falls to the same side in every grid of it.
        first = np.rint(self.origin / self.voxel)
        steps = np.array(points, dtype=np.float64)
        steps -= self.origin - first * self.voxel
        steps /= self.voxel
        np.floor(steps, out=steps)
        steps -= first
        index = steps.astype(np.int64)
        inside = np.ones(len(index), dtype=bool)
        for along, side in zip(index.T, self.shape, strict=True):
            inside &= (along >= 0) & (along < side)
        return index, inside

    def centres(self, index: Array) -> Array:
        """(M, 3) world points, mm, of the centres of voxels (M, 3)."""
        return self.origin + (np.asarray(index) + 0.5) * self.voxel

    def grown_to(self, index: Array) -> tuple[VoxelGrid, Array]:
        """The same lattice grown to hold more voxels.

        Args:
            index: (M, 3) voxels, in this grid's count; may be negative or past the end.

        Returns:
            The grid and (3,) where this grid's voxel (0, 0, 0) lies in it.
        """
        low = np.minimum(index.min(axis=0), 0)
        high = np.maximum(index.max(axis=0) + 1, self.shape)
        x, y, z = (int(n) for n in high - low)
        return VoxelGrid(self.origin + low * self.voxel, self.voxel, (x, y, z)), -low

    def pixels(self, index: Array, frame: Frame) -> tuple[Array, Array]:
        """Where a view sees voxels.

        Args:
            index: (M, 3) voxels.
            frame: A view with a camera.

        Returns:
            (M, 2) pixel coordinates (u, v), NaN behind the camera, and (M,) bool: the pixel is in the image and the
            depth measured there is within a voxel's half diagonal of the voxel's centre, so nothing hides it.
        """
        if frame.camera is None:
            raise ModMapError(f"view {frame.id}: no camera, so voxels can't be found in it")
        uv, z = frame.camera.project(self.centres(index))
        height, width = frame.shape
        nearest = np.rint(np.nan_to_num(uv, nan=-1.0)).astype(np.int64)
        visible = ((nearest >= 0) & (nearest < (width, height))).all(axis=1)
        measured = np.zeros(len(z))
        measured[visible] = frame.depth[nearest[visible, 1], nearest[visible, 0]]
        reach = self.voxel * np.sqrt(3) / 2
        return uv, visible & (measured > 0) & (np.abs(measured - z) <= reach)


@dataclass(frozen=True, eq=False)
class AnomalyVolume:
    """An anomaly score for every voxel that was seen.

    Attributes:
        grid: Where the voxels are.
        scores: (X, Y, Z) float32; NaN where no view saw the voxel, so that "never seen" and "seen and nominal" stay
            apart.
    """

    grid: VoxelGrid
    scores: Array

    @property
    def observed(self) -> Array:
        """(X, Y, Z) bool: some view saw the voxel."""
        return ~np.isnan(self.scores)

    @property
    def score(self) -> float:
        """The instance's score: the largest of the volume."""
        return float(np.nanmax(self.scores))

    def without_specks(self, least: int = 3) -> AnomalyVolume:
        """The same without what fewer voxels show than a defect would: dust, and single pixels gone wrong.

        Args:
            least: A voxel keeps the `least`-th largest score among itself and its 26 neighbours, or its own if lower.
        """
        lowest = np.where(self.observed, self.scores, -np.inf)
        beside = ndimage.rank_filter(lowest, rank=-least, size=3, mode="constant", cval=-np.inf)
        floor = float(np.nanmin(self.scores, initial=np.inf))
        # Of fewer neighbours than that, nothing is said.
        kept = np.maximum(np.minimum(lowest, beside), floor)
        return AnomalyVolume(self.grid, np.where(self.observed, kept, np.nan).astype(np.float32))

    def at(self, points: Array) -> Array:
        """(M,) float32 score of the voxel around each world point (M, 3); NaN outside and where never seen."""
        index, inside = self.grid.index(points)
        scores = np.full(len(index), np.nan, dtype=np.float32)
        scores[inside] = self.scores[tuple(index[inside].T)]
        return scores

    def seen_from(self, frame: Frame) -> Array:
        """(H, W) float32: for every measured pixel of a view the score of its voxel; NaN elsewhere."""
        measured = frame.depth > 0
        picture = np.full(frame.shape, np.nan, dtype=np.float32)
        picture[measured] = self.at(frame.points(measured))
        return picture

    def resampled(self, grid: VoxelGrid) -> AnomalyVolume:
        """The scores on another grid of the same lattice; what that grid doesn't hold is lost.

        Raises:
            ModMapError: the lattices differ.
        """
        offset = (grid.origin - self.grid.origin) / self.grid.voxel
        shift = np.rint(offset).astype(np.int64)
        if grid.voxel != self.grid.voxel or np.abs(offset - shift).max() > 1e-6:
            raise ModMapError("volume: expected a grid of the same lattice, found another voxel or offset")
        scores = np.full(grid.shape, np.nan, dtype=np.float32)
        low, high = np.maximum(shift, 0), np.minimum(shift + grid.shape, self.grid.shape)
        if (low < high).all():
            here = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
            there = tuple(slice(a, b) for a, b in zip(low - shift, high - shift, strict=True))
            scores[there] = self.scores[here]
        return AnomalyVolume(grid, scores)


class VolumeBuilder:
    """Takes scored points in and keeps the largest score of each voxel.

    Args:
        grid: Where the voxels are.
        grow: Extend the grid, on its lattice, to points outside it; else they are dropped and counted.

    Attributes:
        outside: How many points were dropped.
    """

    def __init__(self, grid: VoxelGrid, *, grow: bool = False) -> None:
        self.grid = grid
        self.grow = grow
        self.outside = 0
        self._best = np.full(grid.shape, -np.inf, dtype=np.float32)

    def add(self, points: Array, scores: Array) -> None:
        """Puts scores into the voxels of their points by the maximum.

        Args:
            points: (M, 3) world points, mm.
            scores: (M,) finite scores.
        """
        index, inside = self.grid.index(points)
        if not inside.all():
            if self.grow:
                index = index + self._grow_to(index[~inside])
            else:
                self.outside += int(np.count_nonzero(~inside))
                index, scores = index[inside], scores[inside]
        flat = np.ravel_multi_index(tuple(index.T), self.grid.shape)
        np.maximum.at(self._best.reshape(-1), flat, scores.astype(np.float32))

    def build(self) -> AnomalyVolume:
        """The volume so far.

        Raises:
            ModMapError: no point fell into the grid.
        """
        if not (self._best > -np.inf).any():
            raise ModMapError(
                f"volume: expected points in the grid, found none ({self.outside:,} outside it): the scan lies "
                "elsewhere than the grid, or its poses are in another frame or unit"
            )
        return AnomalyVolume(self.grid, np.where(self._best == -np.inf, np.float32(np.nan), self._best))

    def _grow_to(self, index: Array) -> Array:
        grid, shift = self.grid.grown_to(index)
        best = np.full(grid.shape, -np.inf, dtype=np.float32)
        x, y, z = shift
        best[x : x + self.grid.shape[0], y : y + self.grid.shape[1], z : z + self.grid.shape[2]] = self._best
        self.grid, self._best = grid, best
        return shift


def extent(frame: Frame, mask: Array) -> Array:
    """(2, 3) the lower and upper corner, mm, of the box around the pixels of a mask that isn't empty."""
    points = frame.points(mask)
    return np.stack([points.min(axis=0), points.max(axis=0)])
