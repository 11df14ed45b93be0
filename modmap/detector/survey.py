"""Reading the training scans once before any work on them, so that a bad view or a wrong unit is found in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from modmap.config import InferenceSettings
from modmap.errors import ModMapError
from modmap.foreground import foreground_mask
from modmap.inspection.nominal_shown import NominalShown
from modmap.inspection.scale import require_scale
from modmap.inspection.view_shown import ViewShown
from modmap.scan import Frame, Scan
from modmap.types import Array
from modmap.volume import VoxelGrid, extent

PIECES = 0.05  # of the whole: views that each show less, far from each other, aren't of one part
FEWEST_VOXELS = 5  # along a part's longest side: of fewer, no place on it could be told from another


@dataclass(eq=False)
class ScanSurvey:
    """What a scan's views show, and whether a model can be fitted to it; `modmap check` and a fit ask the same.

    Attributes:
        scan: The scan's name.
        settings: Which pixels are the part, and how large voxels are.
        views: What each view shows that shows anything, by id.
        blind: The views without any depth.
        uncalibrated: The views without a camera.
    """

    scan: str
    settings: InferenceSettings
    views: dict[str, ViewShown] = field(default_factory=dict)
    blind: list[str] = field(default_factory=list)
    uncalibrated: list[str] = field(default_factory=list)
    _corners: list[Array] = field(default_factory=list)

    def add(self, frame: Frame) -> Array:
        """Looks at a view; returns (H, W) bool, its part."""
        mask = foreground_mask(frame.depth, mode=self.settings.foreground)[0]
        if frame.camera is None:
            self.uncalibrated.append(frame.id)
        if not mask.any():
            self.blind.append(frame.id)
            return mask
        self.views[frame.id] = ViewShown.of(frame, mask)
        if frame.camera is not None:
            self._corners.append(extent(frame, mask))
        return mask

    @property
    def corners(self) -> Array | None:
        """(M, 3) points between which the part lies, mm; None where a view has no camera."""
        return None if self.uncalibrated or not self._corners else np.concatenate(self._corners)

    def grid(self) -> VoxelGrid | None:
        """The voxels around the part; None where a view has no camera.

        Raises:
            ModMapError: they would be too many.
        """
        return None if self.corners is None else VoxelGrid.spanning(self.corners, self.settings.voxel)

    def refusal(self) -> str | None:
        """Why no model can be fitted to the scan, one line; None where one can."""
        if self.blind:
            return (
                f"scan {self.scan}: expected measured depth in every training view, found only holes in view "
                f"{self.blind[0]}"
            )
        try:
            self.grid()
        except ModMapError as error:
            return f"scan {self.scan}: {error}"
        if self.corners is not None:
            longest = float(np.ptp(self.corners, axis=0).max())
            each = float(np.median([np.ptp(corners, axis=0).max() for corners in self._corners]))
            if each < PIECES * longest:
                return (
                    f"scan {self.scan}: expected views of one part, found pieces of {each:.3g} mm that lie up to "
                    f"{longest:.4g} mm apart: are depth and poses in different units?"
                )
            if longest < FEWEST_VOXELS * self.settings.voxel:
                return (
                    f"scan {self.scan}: expected a part of at least {FEWEST_VOXELS} voxels of "
                    f"{self.settings.voxel:g} mm along its longest side, found {longest:.3g} mm: is its depth in "
                    'another unit, such as "m"? Else take smaller voxels (inference.voxel)'
                )
        return None


def survey_of(scan: Scan, settings: InferenceSettings) -> ScanSurvey:
    """Loads every view of a scan.

    Raises:
        ModMapError: one can't be loaded.
    """
    found = ScanSurvey(scan.name, settings)
    for frame in scan.frames():
        found.add(frame)
    return found


@dataclass(frozen=True, eq=False)
class Surveyed:
    """What the training scans are.

    Attributes:
        grids: The grid of each category (an empty name where scans have none) whose views all have a camera.
        shown: What new scans of each category are asked to show.
    """

    grids: dict[str, VoxelGrid]
    shown: dict[str, NominalShown]


def survey(scans: Sequence[Scan], settings: InferenceSettings) -> Surveyed:
    """Loads every view and finds the part in it.

    Raises:
        ModMapError: a view can't be loaded, nothing was measured in it, the part is smaller than a few voxels, or the
            scans of a category are in different units.
    """
    corners: dict[str, list[Array | None]] = {}
    nominal: dict[str, NominalShown] = {}
    shown: dict[str, list[NominalShown]] = {}
    for scan in scans:
        name = scan.category or ""
        found = survey_of(scan, settings)
        if name in nominal:
            require_scale(nominal[name], found.views, scan=scan.name)
        refusal = found.refusal()
        if refusal is not None:
            raise ModMapError(refusal)
        this = NominalShown.of(list(found.views.values()))
        nominal.setdefault(name, this)
        corners.setdefault(name, []).append(found.corners)
        shown.setdefault(name, []).append(this)
    return Surveyed(
        grids={
            name: VoxelGrid.spanning(np.concatenate([one for one in some if one is not None]), settings.voxel)
            for name, some in corners.items()
            if all(one is not None for one in some)
        },
        shown={name: _middling(some) for name, some in shown.items()},
    )


def _middling(shown: Sequence[NominalShown]) -> NominalShown:
    """The scan that shows neither more nor less than most: of one that was seen badly, too little would be asked."""
    return sorted(shown, key=lambda one: one.area)[len(shown) // 2]
