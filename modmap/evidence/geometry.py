"""Geometry as evidence: what of a new scan's surface lies elsewhere than on a good part, or isn't there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modmap.alignment.align import align
from modmap.alignment.motion import degrees_of, moved
from modmap.alignment.registration import Registration
from modmap.alignment.surface import ViewSurface, view_surface
from modmap.evidence.absence import Absence, absences
from modmap.evidence.deviation import ViewDeviation, deviations, place_edge
from modmap.evidence.nominal import NominalSurface
from modmap.evidence.reduction import reduced
from modmap.foreground import foreground_mask
from modmap.scan import Scan
from modmap.types import ForegroundMode


@dataclass(frozen=True, eq=False)
class GeometryEvidence:
    """What geometry says of a scan.

    Attributes:
        views: By view id, at the reduced resolution.
        absence: Nominal surface that is missing.
        registration: How the part lay.
        seconds: Wall time of `alignment` and `geometry`.
    """

    views: dict[str, ViewDeviation]
    absence: Absence
    registration: Registration
    seconds: dict[str, float]

    @property
    def notes(self) -> tuple[str, ...]:
        """How the part lay, one line, and what isn't known of it."""
        found = self.registration
        shift = float(np.linalg.norm(moved(found.motion, found.centre[None])[0] - found.centre))
        line = (
            f"alignment: the part lay {shift:.2f} mm and {degrees_of(found.motion):.2f} degrees from the nominal one; "
            f"residual {found.residual:.3f} mm, overlap {found.overlap:.0%}"
        )
        return (line, *found.notes)


def geometry_of(
    nominal: NominalSurface, surfaces: Mapping[str, ViewSurface], scan: Scan, *, foreground: ForegroundMode
) -> GeometryEvidence:
    """Compares a scan with the nominal part.

    Args:
        nominal: What it is compared with.
        surfaces: The nominal views' surfaces, by id, with what the part lies on.
        scan: The scan; its views are loaded one at a time, and each needs a camera.
        foreground: Which pixels are the part.

    Raises:
        AlignmentError: the scan can't be laid on the nominal one.
        ModMapError: a view can't be loaded.
    """
    started = time.perf_counter()
    new = surfaces_of(scan, foreground=foreground)
    registration = align(surfaces, new)
    aligned = time.perf_counter()
    views = deviations(nominal, new, registration.motion)
    absence = absences(nominal, new, registration.motion, edge=place_edge(new))
    seconds = {"alignment": aligned - started, "geometry": time.perf_counter() - aligned}
    return GeometryEvidence(views, absence, registration, seconds)


def surfaces_of(scan: Scan, *, foreground: ForegroundMode) -> dict[str, ViewSurface]:
    """The reduced surfaces of a scan's views by id; views without any depth are left out.

    Args:
        scan: The scan; each view needs a camera.
        foreground: Which pixels are the part.
    """
    found = {}
    for frame in scan.frames():
        mask = foreground_mask(frame.depth, mode=foreground)[0]
        if mask.any():
            small = reduced(frame, mask)
            found[frame.id] = view_surface(small, small.depth > 0)
    return found
