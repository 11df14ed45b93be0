"""From a scan to its maps, volume and score (Secs. 3.2.3 and 3.2.4)."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from modmap.calibration import Calibration
from modmap.detector.against_nominal import AgainstNominal, against_nominal
from modmap.detector.fitted import FittedModel
from modmap.encoding.rim import spread_to_rim
from modmap.encoding.scan_tokens import ScanTokens
from modmap.evidence.comparison import ReducedViews
from modmap.inspection.scale import require_scale
from modmap.result import Result, ViewMaps, build_volume, volume_refusal
from modmap.scan import Scan
from modmap.types import Aggregation
from modmap.volume import AnomalyVolume, VoxelGrid

MOST_NAMED = 12
MOSTLY_INSIDE = 0.1  # of what a scan shows, that may lie beside the box around the nominal one
FINE = 1 / 3  # of a voxel that the footprint of a reduced view's pixel may measure


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
    asked = model.trained.shown_for(category or scan.category)
    inspected: float | None = None
    notes: list[str] = missing_views(model.trained.view_ids, scan)
    seconds: dict[str, float] = {}
    if model.config.evidence.mapping:
        started = time.perf_counter()
        tokens = model.encode(scan, progress=progress)
        encoded = time.perf_counter()
        if asked is not None:
            shown = {view.id: view for view in tokens.shown}
            notes += require_scale(asked, shown, scan=scan.name)
            inspected = asked.covered(shown)
        bank = model.bank(scan, tokens, category=category)
        image_map, depth_map = model.relative(model.distances(bank))
        views = view_maps(tokens, image_map, depth_map, aggregation=model.config.inference.aggregation)
        notes += tokens.notes
        seconds = {"encoders": encoded - started, "mapping": time.perf_counter() - encoded}
    nominal = AgainstNominal()
    reference = model.references.get(model.trained.class_of(scan, category=category))
    if reference is not None:
        nominal = against_nominal(model.config, reference, scan, asked=None if views else asked)
        if views:
            views = {view_id: nominal.added_to(maps) for view_id, maps in views.items()}
        else:
            views = nominal.maps(aggregation=model.config.inference.aggregation)
            notes += nominal.seen.notes if nominal.seen is not None else ()
        seconds |= nominal.seconds
        notes += nominal.notes
    compared = nominal.compared
    absent = None
    if compared is not None and compared.absence is not None:
        absent = compared.absence.points, compared.absence.scores
    joined = time.perf_counter()
    built: AnomalyVolume | None = None
    # Where a scan is held against nominal ones, its score is the volume's, whether that is wanted or not.
    if refused is None or nominal.spoke:
        start = grid or model.grid_for(scan, category=category)
        reduced = None
        if (
            nominal.seen is not None
            and not model.config.evidence.mapping
            and _fine(nominal.seen, start.voxel)
        ):
            reduced = nominal.seen.frames
        built, outside = build_volume(scan, views, start, grow=grid is None, absent=absent, reduced=reduced)
        if grid is None:
            notes += beyond(start, built)
        if nominal.spoke:
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
        inspected=inspected if nominal.inspected is None else nominal.inspected,
        least_inspected=model.config.evidence.least_inspected,
        omitted=nominal.omitted,
    )


def missing_views(known: Sequence[str], scan: Scan) -> list[str]:
    """A note on the views that the nominal scan has and this one hasn't; none where it has all."""
    missing = [view_id for view_id in known if view_id not in scan.view_ids]
    if not missing:
        return []
    named = ", ".join(missing[:MOST_NAMED]) + (", ..." if len(missing) > MOST_NAMED else "")
    return [f"views: {len(missing)} of the nominal scan's {len(known)} are missing: {named}"]


def beyond(grid: VoxelGrid, volume: AnomalyVolume) -> list[str]:
    """A note where much of a scan lies outside the nominal one's grid, as with poses in another frame."""
    places = np.argwhere(volume.observed)
    outside = ~grid.index(volume.grid.centres(places))[1]
    share = float(outside.mean())
    if share <= MOSTLY_INSIDE:
        return []
    return [f"volume: {share:.0%} of what was seen lies outside the box around the nominal scan"]


def _fine(seen: ReducedViews, voxel: float) -> bool:
    """Whether the reduced views' pixels fill the voxels, as the views' own do."""
    for view_id, frame in seen.frames.items():
        assert frame.camera is not None
        footprint = float(frame.depth.max()) / min(frame.camera.K[0, 0], frame.camera.K[1, 1])
        if frame.shape != seen.shapes[view_id] and footprint > FINE * voxel:
            return False
    return True


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
            window=tokens.windows[i],
        )
        for i, view_id in enumerate(tokens.view_ids)
    }
