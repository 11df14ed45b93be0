"""Reading the training scans once before any work on them, so that a bad view is found in seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modmap.config import InferenceSettings
from modmap.errors import ModMapError
from modmap.foreground import foreground_mask
from modmap.scan import Scan
from modmap.types import Array
from modmap.volume import VoxelGrid, extent


def survey(scans: Sequence[Scan], settings: InferenceSettings) -> dict[str, VoxelGrid]:
    """Loads every view and finds the part in it.

    Returns:
        The grid of each category (an empty name where scans have none) whose views all have a camera.

    Raises:
        ModMapError: a view can't be loaded, or nothing was measured in it.
    """
    corners: dict[str, list[Array]] = {}
    uncalibrated: set[str] = set()
    for scan in scans:
        name = scan.category or ""
        for frame in scan.frames():
            mask = foreground_mask(frame.depth, mode=settings.foreground)[0]
            if not mask.any():
                raise ModMapError(
                    f"scan {scan.name}: expected measured depth in every training view, found only holes in view "
                    f"{frame.id}"
                )
            if frame.camera is None:
                uncalibrated.add(name)
            else:
                corners.setdefault(name, []).append(extent(frame, mask))
    return {
        name: VoxelGrid.spanning(np.concatenate(points), settings.voxel)
        for name, points in corners.items()
        if name not in uncalibrated
    }
