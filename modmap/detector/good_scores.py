"""What good scans score: the numbers that thresholds are taken from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch

from modmap.calibration import GoodScores
from modmap.detector.expected import ScanDistances
from modmap.errors import ModMapError
from modmap.mapping.anomaly_maps import pair_maps
from modmap.mapping.mapper import CrossViewMapper
from modmap.mapping.token_bank import TokenBank
from modmap.result import Result, ViewMaps
from modmap.scan import Scan
from modmap.types import Array
from modmap.volume import AnomalyVolume, VolumeBuilder, VoxelGrid


def check_share(share: float) -> None:
    """Checks a share of the surface.

    Raises:
        ModMapError: it isn't in [0, 1).
    """
    if not 0 <= share < 1:
        raise ModMapError(f"calibrate: surface share: expected a number from 0 to below 1, found {share!r}")


def exceeded_by(values: Iterable[Array], *, share: float, total: int) -> float:
    """The smallest of some scores that at most a share of them exceeds.

    Args:
        values: Arrays of finite scores, one in memory at a time where they are made lazily.
        share: In [0, 1); 0 gives the largest.
        total: How many scores there are, at least one.
    """
    allowed = int(share * total)
    largest = np.zeros(0)
    for one in values:
        joined = np.concatenate([largest, one])
        first = max(len(joined) - allowed - 1, 0)
        largest = np.partition(joined, first)[first:] if len(joined) else joined
    return float(largest.min())


def scores_of_scan(result: Result, *, share: float) -> GoodScores:
    """The scores of a good scan's prediction."""
    masks = {view_id: maps.foreground for view_id, maps in result.views.items()}
    pixels = (maps.combined()[masks[view_id]] for view_id, maps in result.views.items())
    return GoodScores(
        score=result.score,
        pixel=exceeded_by(pixels, share=share, total=sum(int(mask.sum()) for mask in masks.values())),
        voxel=None if result.volume is None else _voxel_score(result.volume, share),
    )


def left_out_distances(mapper: CrossViewMapper, bank: TokenBank) -> ScanDistances:
    """Eqs. 11 and 12 with every view left out of its own sources.

    They are infinite in the background and where no other view shows the part.
    """
    image = bank.image.new_full(bank.foreground.shape, torch.inf)
    depth = bank.depth.new_full(bank.foreground.shape, torch.inf)
    for source, target, image_distance, depth_distance in pair_maps(mapper, bank):
        if source != target:
            image[target] = torch.minimum(image[target], image_distance)
            depth[target] = torch.minimum(depth[target], depth_distance)
    return ScanDistances(0 if bank.category is None else int(bank.category[0]), bank.view, image, depth)


def scores_of_views(
    scan: Scan, views: Mapping[str, ViewMaps], grid: VoxelGrid | None, *, share: float
) -> list[GoodScores]:
    """The scores of each view by itself; views without any are left out.

    Args:
        scan: The training scan.
        views: Its left-out maps.
        grid: Where voxels are, or None for no volume.
        share: As in `exceeded_by`.
    """
    found = []
    for view_id, maps in views.items():
        combined = maps.combined()
        known = np.isfinite(combined)
        if not known.any():
            continue
        scores, voxel = combined[known], None
        if grid is not None:
            builder = VolumeBuilder(grid, grow=True)
            builder.add(scan[view_id].load().points(known), scores)
            voxel = _voxel_score(builder.build(), share)
        pixel = exceeded_by([scores], share=share, total=len(scores))
        found.append(GoodScores(float(scores.max()), pixel, voxel))
    return found


def _voxel_score(volume: AnomalyVolume, share: float) -> float:
    seen = volume.scores[volume.observed]
    return exceeded_by([seen], share=share, total=len(seen))
