"""Finding the defects of a predicted scan."""

from __future__ import annotations

import numpy as np

from modmap.defects.defect import Defect
from modmap.defects.geometry import NORMAL_REACH, oriented_box, surface_area, surface_normals
from modmap.defects.regions import find_regions
from modmap.defects.sightings import Sightings, sightings
from modmap.errors import ModMapError
from modmap.result import Result
from modmap.scan import Scan
from modmap.types import Array
from modmap.volume import AnomalyVolume

# The deviation is taken past the outliers at silhouettes, and counts where it stands out of what good surface scatters.
DEVIATION_PERCENTILES = (1, 99)
LEAST_SCATTERS = 3.0
LEAST_DEVIATION = 1e-3  # mm: a smaller one is written as 0


def find_defects(
    result: Result,
    scan: Scan,
    *,
    threshold: float | None = None,
    peak_threshold: float | None = None,
    nominal: Scan | None = None,
) -> list[Defect]:
    """The defects of a scan: connected regions of its volume that score too high.

    Args:
        result: The prediction, with a volume.
        scan: The scan it was made for; its views are loaded one at a time.
        threshold: Voxels over it make up a defect; the calibrated voxel threshold by default.
        peak_threshold: A defect has a voxel over it; by default the calibrated scan threshold, so that a scan has
            defects exactly if it fails, or `threshold` where that is given.
        nominal: A nominal scan from the same viewpoints, so that `Defect.depth_mm` can be told.

    Returns:
        The defects, the largest peak first.

    Raises:
        ModMapError: there is no volume; no threshold is given and the model isn't calibrated for volumes.
    """
    volume = result.require_volume()
    if threshold is None:
        calibration = result.calibration
        if calibration is None or calibration.voxel_threshold is None:
            raise ModMapError(
                f"defects of {result.scan}: expected a voxel threshold or a model calibrated with scans that have "
                "cameras, found none: run modmap calibrate"
            )
        threshold = calibration.voxel_threshold
        if peak_threshold is None:
            peak_threshold = max(threshold, calibration.scan_threshold)
    regions = find_regions(volume, threshold=threshold, peak_threshold=peak_threshold)
    if not regions:
        return []
    surface = volume.grid.centres(np.argwhere(volume.observed))
    points = [volume.grid.centres(region) for region in regions]
    voxel = volume.grid.voxel
    normals = [
        surface_normals(one, _near(surface, one, reach=(NORMAL_REACH + 1) * voxel), voxel) for one in points
    ]
    means = [_mean_direction(one) for one in normals]
    seen = sightings(result, scan, regions, normals=means, nominal=nominal)
    return [
        _defect(index + 1, volume, region, normals[index], seen[index], threshold)
        for index, region in enumerate(regions)
    ]


def _defect(
    index: int, volume: AnomalyVolume, region: Array, normals: Array, seen: Sightings, threshold: float
) -> Defect:
    voxel = volume.grid.voxel
    points = volume.grid.centres(region)
    scores = volume.scores[tuple(region.T)]
    x, y, z = points.mean(axis=0).tolist()
    return Defect(
        index=index,
        centre_mm=(x, y, z),
        box=oriented_box(points, voxel),
        area_mm2=surface_area(normals, voxel),
        depth_mm=_deviation(seen),
        voxels=len(region),
        peak=float(scores.max()),
        mean=float(scores.mean()),
        modality=seen.modality(threshold),
        image_peak=seen.peaks.get("image"),
        depth_peak=seen.peaks.get("depth"),
        geometry_peak=seen.peaks.get("geometry"),
        appearance_peak=seen.peaks.get("appearance"),
        texture_peak=seen.peaks.get("texture"),
        memory_peak=seen.peaks.get("memory"),
        views=seen.best_views(),
    )


def _near(surface: Array, points: Array, *, reach: float) -> Array:
    low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
    return np.asarray(surface[((surface >= low) & (surface <= high)).all(axis=1)])


def _mean_direction(normals: Array) -> Array:
    """The common axis of normals of either sign; zero where none is known."""
    known = normals[normals.any(axis=1)]
    return np.linalg.eigh(known.T @ known)[1][:, -1] if len(known) else np.zeros(3)


def _deviation(seen: Sightings) -> float | None:
    farthest: float | None = None
    for offsets, scatter in seen.deviations:
        low, high = (float(value) for value in np.percentile(offsets, DEVIATION_PERCENTILES))
        one = low if -low > high else high
        stands_out = abs(one) > max(LEAST_SCATTERS * scatter, LEAST_DEVIATION)
        if stands_out and (farthest is None or abs(one) > abs(farthest)):
            farthest = one
    return farthest
