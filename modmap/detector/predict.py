"""From a scan to its maps, volume and score (Secs. 3.2.3 and 3.2.4)."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from torch import Tensor

from modmap.alignment.align import AlignmentError
from modmap.calibration import Calibration
from modmap.detector.fitted import FittedModel
from modmap.encoding.rim import spread_to_rim
from modmap.encoding.scan_tokens import ScanTokens
from modmap.evidence.geometry import GeometryEvidence, geometry_of
from modmap.result import Result, ViewMaps, build_volume, volume_refusal
from modmap.scan import Scan
from modmap.types import Aggregation
from modmap.volume import AnomalyVolume, VoxelGrid


def predict_scan(
    model: FittedModel,
    scan: Scan,
    *,
    volume: bool | None = None,
    grid: VoxelGrid | None = None,
    category: str | None = None,
    calibration: Calibration | None = None,
    progress: bool = False,
) -> Result:
    """Scores a scan.

    Args:
        model: The fitted model.
        scan: As in `ModMap.predict`.
        volume: As in `ModMap.predict`.
        grid: As in `ModMap.predict`.
        category: As in `ModMap.predict`.
        calibration: The thresholds of the scan's class, or None.
        progress: As in `ModMap.predict`.

    Raises:
        ModMapError: as `ModMap.predict`.
    """
    model.trained.check_scan(scan, category=category)
    refused = volume_refusal(scan, wanted=volume)
    started = time.perf_counter()
    tokens = model.encode(scan, progress=progress)
    encoded = time.perf_counter()
    bank = model.bank(scan, tokens, category=category)
    image_map, depth_map = model.relative(model.distances(bank))
    mapped = time.perf_counter()
    views = view_maps(tokens, image_map, depth_map, aggregation=model.config.inference.aggregation)
    geometry, geometry_notes = _geometry(model, scan, category=category)
    notes = [*tokens.notes, *geometry_notes]
    absent = None
    if geometry is not None:
        views = {view_id: _with_geometry(maps, geometry) for view_id, maps in views.items()}
        absent = geometry.absence.points, geometry.absence.scores
    compared = time.perf_counter()
    built: AnomalyVolume | None = None
    if refused is None:
        start = grid or model.grid_for(scan, category=category)
        built, outside = build_volume(scan, views, start, grow=grid is None, absent=absent)
        if outside:
            notes.append(f"volume: {outside:,} points lie outside the grid that was given and were dropped")
        score = built.score
    else:
        score = max(float(maps.combined()[maps.foreground].max()) for maps in views.values())
        if absent is not None and len(absent[1]):
            score = max(score, float(absent[1].max()))
    if calibration is not None and set(views) != set(calibration.views):
        notes.append(
            f"verdict: expected the {len(calibration.views)} views of the good scans, found {len(views)}: the "
            "false-alarm rate may not hold"
        )
    return Result(
        scan=scan.name,
        score=score,
        views=views,
        volume=built,
        volume_refused=refused,
        notes=tuple(notes),
        seconds={
            "encoders": encoded - started,
            "mapping": mapped - encoded,
            **({} if geometry is None else geometry.seconds),
            "volume": time.perf_counter() - compared,
        },
        calibration=calibration,
    )


def _geometry(
    model: FittedModel, scan: Scan, *, category: str | None
) -> tuple[GeometryEvidence | None, tuple[str, ...]]:
    """What geometry says of a scan, if anything, and what a person should know of it."""
    reference = model.references.get(model.trained.class_of(scan, category=category))
    if reference is None:
        return None, ()
    without = next((view.id for view in scan.views if view.camera is None), None)
    if without is not None:
        return None, (f"geometry: left out: view {without} has no camera",)
    try:
        found = geometry_of(
            reference.nominal, reference.surfaces, scan, foreground=model.config.inference.foreground
        )
    except AlignmentError as error:
        return None, (f"geometry: left out: {error}",)
    return found, found.notes


def _with_geometry(maps: ViewMaps, geometry: GeometryEvidence) -> ViewMaps:
    found = geometry.views.get(maps.id)
    return maps if found is None else replace(maps, geometry_pixels=found.score)


def view_maps(
    tokens: ScanTokens, image_map: Tensor, depth_map: Tensor, *, aggregation: Aggregation
) -> dict[str, ViewMaps]:
    """The maps of every view of a scan.

    Args:
        tokens: The scan's tokens.
        image_map: (N, L) distances in the image modality, infinite where a token isn't mapped.
        depth_map: (N, L) distances in the depth modality.
        aggregation: How the two maps are joined.

    Returns:
        The maps by view id, the scores of mapped tokens spread to those on the part's rim.
    """
    side = math.isqrt(image_map.shape[1])
    image_scores, depth_scores, touched = (
        one.reshape(len(tokens), side, side)
        for one in (image_map.cpu().numpy(), depth_map.cpu().numpy(), tokens.touched)
    )
    return {
        view_id: ViewMaps(
            id=view_id,
            image_tokens=spread_to_rim(image_scores[i], touched[i]),
            depth_tokens=spread_to_rim(depth_scores[i], touched[i]),
            aggregation=aggregation,
            shape=tokens.shapes[i],
            mask_bits=tokens.masks[i],
        )
        for i, view_id in enumerate(tokens.view_ids)
    }
