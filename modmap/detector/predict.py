"""From a scan to its maps, volume and score (Secs. 3.2.3 and 3.2.4)."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from torch import Tensor

from modmap.detector.recall import map_or_recall
from modmap.encoding.rim import spread_to_rim
from modmap.encoding.scan_tokens import ScanTokens
from modmap.result import Result, ViewMaps, build_volume, volume_refusal
from modmap.scan import Scan
from modmap.types import Aggregation
from modmap.volume import AnomalyVolume, VoxelGrid

if TYPE_CHECKING:
    from modmap.detector.model import ModMap


def predict_scan(
    model: ModMap,
    scan: Scan,
    *,
    volume: bool | None,
    grid: VoxelGrid | None,
    category: str | None,
    progress: bool,
) -> Result:
    """Scores a scan; `ModMap.predict` says what the arguments are."""
    model.check(scan, category=category)
    refused = volume_refusal(scan, wanted=volume)
    started = time.perf_counter()
    tokens = model.encode(scan, progress=progress)
    encoded = time.perf_counter()
    bank = model.bank(scan, tokens, category=category)
    image_map, depth_map, mapping_seconds = map_or_recall(
        model.mapper,
        bank,
        cross_view=model.config.mapping.cross_view,
        cache=model.token_cache,
    )
    image_map, depth_map = model.relative(bank, image_map, depth_map)
    views = view_maps(tokens, image_map, depth_map, aggregation=model.config.inference.aggregation)
    mapped = time.perf_counter()
    notes = list(tokens.notes)
    built: AnomalyVolume | None = None
    if refused is None:
        start = grid or model.grid_for(scan, category=category)
        built, outside = build_volume(scan, views, start, grow=grid is None)
        if outside:
            notes.append(f"volume: {outside:,} points lie outside the grid that was given and were dropped")
        score = built.score
    else:
        score = max(float(maps.combined()[maps.foreground].max()) for maps in views.values())
    calibration = model.calibrations.get(model.class_of(scan, category=category))
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
            "mapping": mapping_seconds,
            "volume": time.perf_counter() - mapped,
        },
        calibration=calibration,
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
