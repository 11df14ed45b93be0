"""What can be found where on a part, as files: the smallest dent in voxels, and the places where nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modmap.detector.model import ModMap
from modmap.evidence.deviation import place_edge
from modmap.pod.blind import REASONS, blind_pieces, blind_places
from modmap.pod.good_scan import PIECE, GoodScan, reference_of
from modmap.pod.places import PartSurface
from modmap.pod.record import Outcome, PodRecord
from modmap.pod.smallest_found import smallest_found
from modmap.runs.volume_files import save_volume
from modmap.types import Array
from modmap.volume import AnomalyVolume, VoxelGrid

MAP = "smallest_dent"
SHARES = 8  # sizes of dents of which is told on how much of the surface they are found


def with_map(
    record: PodRecord, model: ModMap, good: Sequence[GoodScan], outcomes: Sequence[Outcome], output: Path
) -> PodRecord:
    """The record with the map's shares and the blind places; the map is written beside it."""
    reference = reference_of(model.fitted, good[0].scan)
    views = good[0].part if reference is None else reference.part
    edge = PIECE * place_edge(views)
    surface = PartSurface.of(views, edge=edge)
    reason = blind_pieces(surface, good)
    blind = {
        name: float(surface.areas[reason == number].sum()) for number, name in enumerate(REASONS, start=1)
    }
    changes: dict[str, Any] = {
        "surface_mm2": surface.area,
        "blind_mm2": blind,
        "blind": blind_places(surface, reason, views, edge=2 * edge),
    }
    smallest = smallest_found(surface, outcomes, record.curves)
    if smallest is not None:
        largest = record.sizes_mm[1]
        smallest[reason == 1 + REASONS.index("unseen")] = largest
        smallest[reason == 1 + REASONS.index("glare")] = largest
        sizes = np.geomspace(*record.sizes_mm, SHARES)
        changes["dents_found_on"] = {
            float(f"{size:.3g}"): float(surface.areas[smallest < size].sum() / surface.area) for size in sizes
        }
        volume = _volume(surface, np.minimum(smallest, largest), voxel=model.config.inference.voxel)
        for suffix in (".npz", ".ply", ".vti"):
            save_volume(volume, output / f"{MAP}{suffix}", scale_top=largest, name="smallest_dent_mm")
    return record.model_copy(update=changes)


def _volume(surface: PartSurface, values: Array, *, voxel: float) -> AnomalyVolume:
    """The pieces' values in voxels: the largest of each."""
    grid = VoxelGrid.spanning(surface.points, voxel)
    index, _ = grid.index(surface.points)
    scores = np.full(grid.shape, -np.inf, dtype=np.float32)
    np.maximum.at(scores, tuple(index.T), values.astype(np.float32))
    return AnomalyVolume(grid, np.where(np.isneginf(scores), np.float32(np.nan), scores))
