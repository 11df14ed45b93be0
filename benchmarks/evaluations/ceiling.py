"""The most that V-AUPRO can be on a data set, given what its scans measure.

A defect's voxel in which no view measures anything has no score in a volume, and V-AUPRO counts it as never found. The
ceiling is the V-AUPRO of the detector that knows the answer: its volume is the ground truth where the views of the scan
measure something, through the same choice of pixels, volume and metric as any prediction. It has no false alarm, so
it is the same at every limit of the false positive rate: the share of a defect's voxels that is measured, a mean over
the defects. A method that scores places where nothing is measured, as ModMap's geometry does where surface is missing,
isn't bound by it there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.runs.files import write_json
from modmap.datasets import read_ground_truth
from modmap.files.validated_json import read_json
from modmap.foreground import foreground_mask
from modmap.metrics import VolumeAUPRO
from modmap.result import ViewMaps, build_volume
from modmap.runs.evaluation_metrics import LIMITS
from modmap.runs.scan_state import scan_state
from modmap.scan import Scan
from modmap.types import ForegroundMode
from modmap.volume import AnomalyVolume, VoxelGrid

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Ceiling:
    """The most that V-AUPRO can be on the test scans of a category.

    Attributes:
        v_aupro: At any limit of the false positive rate.
        defects: Of each defect by itself, by its scan's name and its number among the scan's, from 0, in the order of
            `GroundTruth.pieces`.
    """

    v_aupro: float
    defects: Mapping[tuple[str, int], float]


def ceiling_of(scans: Sequence[Scan], *, foreground: ForegroundMode) -> Ceiling | None:
    """The ceiling of the test scans of a category; None where no ground truth has a defect.

    Reads the views of those scans that have one. Nominal scans have no part in it: nothing of them scores.

    Args:
        scans: The test scans.
        foreground: Which pixels the methods take for the part.

    Raises:
        ModMapError: a scan or its ground truth cannot be read, or a view has no camera.
    """
    metric = VolumeAUPRO()
    for scan in scans:
        if scan.ground_truth is None:
            continue
        truth = read_ground_truth(scan.ground_truth)
        if truth.mask.any():
            views = part_maps(scan, foreground=foreground)
            perfect = measured_volume(scan, views, truth.grid, truth.mask)
            metric.update(perfect.scores, truth.mask, defects=truth.pieces()[0], name=scan.name)
    if not metric.components:
        return None
    limit = LIMITS[0]
    areas = {(one.scan, one.index): one.area for one in metric.defect_areas(limit)}
    return Ceiling(metric.compute(limit), areas)


def kept_ceiling(path: Path, scans: Sequence[Scan], *, foreground: ForegroundMode) -> Ceiling | None:
    """The ceiling of a category, from a file where it is kept as long as the data is the same.

    Args:
        path: The file; written where it isn't there, or is of other data or another foreground.
        scans: As for `ceiling_of`.
        foreground: Likewise.

    Raises:
        ModMapError: as `ceiling_of`, or the file is damaged.
    """
    state = _state(scans, foreground)
    kept = read_json(path) if path.is_file() else {}
    if not isinstance(kept, dict) or kept.get("state") != state:
        found = ceiling_of(scans, foreground=foreground)
        defects = [] if found is None else [[*name, area] for name, area in found.defects.items()]
        kept = {"state": state, "v_aupro": found and found.v_aupro, "defects": defects}
        write_json(path, kept)
    if kept["v_aupro"] is None:
        return None
    return Ceiling(kept["v_aupro"], {(scan, index): area for scan, index, area in kept["defects"]})


def part_maps(scan: Scan, *, foreground: ForegroundMode) -> dict[str, ViewMaps]:
    """Maps by view that are 0 all over the part; a view of which nothing was measured has none.

    Args:
        scan: The scan; its views are loaded one at a time.
        foreground: Which pixels are the part.

    Raises:
        ModMapError: a view cannot be read.
    """
    nothing = np.zeros((1, 1), dtype=np.float32)
    maps = {}
    for frame in scan.frames():
        mask = foreground_mask(frame.depth, mode=foreground)[0]
        if mask.any():
            maps[frame.id] = ViewMaps(frame.id, nothing, nothing, "max", frame.shape, np.packbits(mask))
    return maps


def measured_volume(
    scan: Scan, views: Mapping[str, ViewMaps], grid: VoxelGrid, scores: Array
) -> AnomalyVolume:
    """The volume with given scores in the voxels in which some view of a scan measures the part.

    Args:
        scan: The scan; its views are loaded one at a time.
        views: What `part_maps` found.
        grid: Where the voxels are.
        scores: (X, Y, Z) of all voxels, finite.

    Raises:
        ModMapError: a view has no camera, or nothing is measured in the grid.
    """
    observed = build_volume(scan, views, grid, grow=False)[0].observed
    return AnomalyVolume(grid, np.where(observed, scores, np.nan).astype(np.float32))


def _state(scans: Sequence[Scan], foreground: ForegroundMode) -> str:
    """A digest that changes when a scan, a ground truth or the choice of pixels does."""
    digest = hashlib.sha256(foreground.encode())
    for scan in scans:
        truth = b"" if scan.ground_truth is None else scan.ground_truth.read_bytes()
        digest.update(f"{scan.name} {scan_state(scan)} {hashlib.sha256(truth).hexdigest()} ".encode())
    return digest.hexdigest()
