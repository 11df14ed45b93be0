"""Which views see a defect, where in the picture, and what the two modalities say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modmap.defects.defect import DefectView, Modality
from modmap.result import MapName, Result
from modmap.scan import Frame, Scan
from modmap.types import EVIDENCE, MODALITIES, Array
from modmap.volume import VoxelGrid

MAPS: tuple[MapName, ...] = (*MODALITIES, *EVIDENCE)


@dataclass
class Sightings:
    """What the views say of one defect.

    Attributes:
        views: The views that see it, with how many pixels show it.
        through: Of a place where nothing was measured, as surface is missing: the views that look through it, with how
            many of its voxels they do.
        peaks: The largest score in it of each map that says anything.
        deviations: (M,) mm along the normal of the nominal surface, of the pixels of all views, and how far such
            differences scatter in each view; empty where nothing was compared.
    """

    views: list[tuple[DefectView, int]] = field(default_factory=list)
    through: list[tuple[DefectView, int]] = field(default_factory=list)
    peaks: dict[MapName, float] = field(default_factory=dict)
    deviations: list[tuple[Array, float]] = field(default_factory=list)

    def best_views(self) -> tuple[DefectView, ...]:
        """The views, the best first: by the share of the defect's voxels that one sees times its peak, then by pixels.

        One that sees all of a defect but thinks nothing of it says little, and so does a sliver that scores high. Where
        none sees any of it, they are those that look through it.
        """
        ranked = sorted(self.views or self.through, key=lambda one: (-one[0].seen * one[0].peak, -one[1]))
        return tuple(view for view, _ in ranked)

    def modality(self, threshold: float) -> Modality | None:
        """What scores highest: a kind of evidence, or of the mapping the maps that exceed a threshold.

        The larger of the mapping's where neither does; geometry where the defect is missing surface that views look
        through; None where no map says anything of it.
        """
        if not self.peaks:
            return "geometry" if self.through else None
        first = max(self.peaks, key=lambda name: self.peaks[name])
        for kind in EVIDENCE:
            if first == kind:
                return kind
        image, depth = (self.peaks.get(name, 0.0) for name in ("image", "depth"))
        if image > threshold and depth > threshold:
            return "both"
        return "image" if image >= depth else "depth"


def sightings(
    result: Result,
    scan: Scan,
    regions: Sequence[Array],
    *,
    normals: Sequence[Array],
    nominal: Scan | None = None,
) -> list[Sightings]:
    """Looks for every defect in every view; one view is in memory at a time.

    Args:
        result: The prediction, with a volume.
        scan: The scan it was made for.
        regions: (M, 3) voxels of each defect.
        normals: (3,) the surface's mean normal at each defect, of either sign; zero where unknown.
        nominal: A nominal scan from the same viewpoints, for deviations where geometry wasn't asked.
    """
    volume = result.require_volume()
    grid = volume.grid
    found = [Sightings() for _ in regions]
    if not regions:
        return found
    owner = _owners(grid, regions)
    for view_id in result.views:
        frame = scan[view_id].load()
        mask = result.views[view_id].foreground
        voxel, inside = grid.index(frame.points(mask))
        label = np.zeros(len(voxel), dtype=np.int32)
        flat = np.zeros(len(voxel), dtype=np.int64)
        flat[inside] = np.ravel_multi_index(tuple(voxel[inside].T), grid.shape)
        label[inside] = owner(flat[inside])
        for one, region in zip(found, regions, strict=True):
            if (through := _looks_through(frame, grid, region, volume.scores[tuple(region.T)])) is not None:
                one.through.append(through)
        if not label.any():
            continue
        rows, columns = np.nonzero(mask)
        combined = result.map(view_id, "combined")[mask]
        maps = {name: result.map(view_id, name)[mask] for name in MAPS}
        compared = result.views[view_id].deviation_pixels is not None
        off_nominal = result.views[view_id].deviation()[mask] if compared else None
        difference = None if compared or nominal is None else _difference(frame, nominal, mask)
        for index, region in enumerate(regions):
            here = np.flatnonzero(label == index + 1)
            if not len(here):
                continue
            one = found[index]
            seen = len(np.unique(flat[here])) / len(region)
            left, top, right, bottom = (
                int(value)
                for value in (
                    columns[here].min(),
                    rows[here].min(),
                    columns[here].max(),
                    rows[here].max(),
                )
            )
            peak = float(combined[here].max())
            one.views.append(
                (DefectView(view=view_id, box=(left, top, right, bottom), seen=seen, peak=peak), len(here))
            )
            for name, scores in maps.items():
                told = scores[here][np.isfinite(scores[here])]
                if len(told):
                    one.peaks[name] = max(float(told.max()), one.peaks.get(name, 0.0))
            offsets = off_nominal
            if offsets is None and difference is not None and normals[index].any():
                offsets = difference @ _towards(frame, normals[index], grid.centres(region).mean(axis=0))
            if offsets is not None:
                elsewhere = offsets[(label == 0) & np.isfinite(offsets)]
                here_known = offsets[here][np.isfinite(offsets[here])]
                if len(here_known) and len(elsewhere):
                    one.deviations.append((here_known, _scatter(elsewhere)))
    return found


def _looks_through(
    frame: Frame, grid: VoxelGrid, region: Array, scores: Array
) -> tuple[DefectView, int] | None:
    """How a view looks through a region (M, 3) to what it measures behind; None where it doesn't, or has no camera."""
    if frame.camera is None:
        return None
    uv, z = frame.camera.project(grid.centres(region))
    column, row = np.rint(np.nan_to_num(uv, nan=-1.0)).astype(np.int64).T
    height, width = frame.shape
    through = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    through[through] = frame.depth[row[through], column[through]] > z[through] + grid.voxel * np.sqrt(3) / 2
    if not through.any():
        return None
    column, row = column[through], row[through]
    box = int(column.min()), int(row.min()), int(column.max()), int(row.max())
    seen, peak = float(through.mean()), float(scores[through].max())
    return DefectView(view=frame.id, box=box, seen=seen, peak=peak), int(through.sum())


def _owners(grid: VoxelGrid, regions: Sequence[Array]) -> Any:
    flat = np.concatenate([np.ravel_multi_index(tuple(region.T), grid.shape) for region in regions])
    number = np.repeat(np.arange(1, len(regions) + 1), [len(region) for region in regions])
    order = np.argsort(flat)
    flat, number = flat[order], number[order]

    def owner(voxels: Array) -> Array:
        """Which defect, from 1, each voxel belongs to; 0 for none."""
        place = np.minimum(np.searchsorted(flat, voxels), len(flat) - 1)
        return np.where(flat[place] == voxels, number[place], 0)

    return owner


def _difference(frame: Frame, nominal: Scan, mask: Array) -> Array | None:
    """(M, 3) mm from the nominal surface to the scanned one along each pixel's ray; NaN where it wasn't measured."""
    if frame.id not in nominal.view_ids:
        return None
    reference = nominal[frame.id].load()
    if reference.shape != frame.shape or reference.camera is None:
        return None
    known = (reference.depth > 0) & mask
    moved = np.full((*frame.shape, 3), np.nan)
    moved[known] = frame.points(known) - reference.points(known)
    return np.asarray(moved[mask])


def _towards(frame: Frame, normal: Array, point: Array) -> Array:
    """The normal's sign that points to the camera, out of the part."""
    assert frame.camera is not None
    return normal if float(normal @ (frame.camera.centre - point)) >= 0 else -normal


def _scatter(values: Array) -> float:
    """A standard deviation that defects and silhouettes don't move much."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))
