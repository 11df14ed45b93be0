"""From a scan to its maps, volume and score (Secs. 3.2.3 and 3.2.4)."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from torch import Tensor

from modmap.alignment.align import AlignmentError
from modmap.calibration import Calibration
from modmap.detector.fitted import FittedModel
from modmap.detector.reference import Reference
from modmap.encoding.rim import spread_to_rim
from modmap.encoding.scan_tokens import ScanTokens
from modmap.evidence.comparison import Comparison, ReducedViews, compare
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
    views: dict[str, ViewMaps] = {}
    notes: list[str] = []
    seconds: dict[str, float] = {}
    if model.config.evidence.mapping:
        started = time.perf_counter()
        tokens = model.encode(scan, progress=progress)
        encoded = time.perf_counter()
        bank = model.bank(scan, tokens, category=category)
        image_map, depth_map = model.relative(model.distances(bank))
        views = view_maps(tokens, image_map, depth_map, aggregation=model.config.inference.aggregation)
        notes += tokens.notes
        seconds = {"encoders": encoded - started, "mapping": time.perf_counter() - encoded}
    compared: Comparison | None = None
    reference = model.references.get(model.trained.class_of(scan, category=category))
    if reference is not None:
        compared, seen, compared_notes = _compared(model, reference, scan)
        if seen is not None and compared is not None:
            if not views:
                views = _unmapped(seen, aggregation=model.config.inference.aggregation)
                notes += seen.notes
            views = {view_id: _with_evidence(maps, compared) for view_id, maps in views.items()}
            seconds |= compared.seconds
        notes += compared_notes
    absent = None
    if compared is not None and compared.absence is not None:
        absent = compared.absence.points, compared.absence.scores
    joined = time.perf_counter()
    built: AnomalyVolume | None = None
    # Where a scan is compared, its score is the volume's, whether that is wanted or not.
    if refused is None or compared is not None:
        start = grid or model.grid_for(scan, category=category)
        built, outside = build_volume(scan, views, start, grow=grid is None, absent=absent)
        if compared is not None:
            built = built.without_specks()
        if outside:
            notes.append(f"volume: {outside:,} points lie outside the grid that was given and were dropped")
        score = built.score
    else:
        score = max(float(maps.combined()[maps.foreground].max()) for maps in views.values())
    if calibration is not None and set(views) != set(calibration.views):
        notes.append(
            f"verdict: expected the {len(calibration.views)} views of the good scans, found {len(views)}: the "
            "false-alarm rate may not hold"
        )
    return Result(
        scan=scan.name,
        score=score,
        views=views,
        volume=built if refused is None else None,
        volume_refused=refused,
        notes=tuple(notes),
        seconds={**seconds, "volume": time.perf_counter() - joined},
        calibration=calibration,
        inspected=None if compared is None else compared.inspected,
        least_inspected=model.config.evidence.least_inspected,
    )


def _compared(
    model: FittedModel, reference: Reference, scan: Scan
) -> tuple[Comparison | None, ReducedViews | None, tuple[str, ...]]:
    """What the comparison with the nominal scan says, the views that it is of, and what a person should know of it.

    Raises:
        ModMapError: the scan can't be compared, and nothing else speaks for or against it.
    """
    settings = model.config.evidence
    try:
        without = next((view for view in scan.views if view.camera is None), None)
        if without is not None:
            raise AlignmentError(
                f"alignment: expected a camera for every view, view {without.id} has none ({without.camera_looked_for})"
            )
        seen = ReducedViews.of(scan, foreground=model.config.inference.foreground)
        found = compare(
            reference.part,
            seen,
            geometry=reference.geometry if settings.geometry else None,
            look=reference.look if settings.appearance else None,
            patches=reference.texture if settings.texture else None,
        )
    except AlignmentError as error:
        if not settings.mapping:
            raise AlignmentError(f"scan {scan.name}: {error}") from None
        return None, None, (f"evidence: only the mapping's: {error}",)
    return found, seen, found.notes


def _unmapped(seen: ReducedViews, *, aggregation: Aggregation) -> dict[str, ViewMaps]:
    return {
        view_id: ViewMaps(
            id=view_id,
            image_tokens=None,
            depth_tokens=None,
            aggregation=aggregation,
            shape=seen.shapes[view_id],
            mask_bits=seen.masks[view_id],
        )
        for view_id in seen.frames
    }


def _with_evidence(maps: ViewMaps, compared: Comparison) -> ViewMaps:
    geometry = compared.geometry.get(maps.id)
    return replace(
        maps,
        geometry_pixels=None if geometry is None else geometry.score,
        appearance_pixels=compared.appearance.get(maps.id),
        texture_pixels=compared.texture.get(maps.id),
        deviation_pixels=None if geometry is None else geometry.deviation,
    )


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
