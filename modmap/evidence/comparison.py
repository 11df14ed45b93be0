"""A new scan compared with the nominal one: what lies or looks otherwise than on a good part, or isn't there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from modmap.alignment.align import align
from modmap.alignment.motion import degrees_of, moved
from modmap.alignment.registration import Registration
from modmap.alignment.support import without_support
from modmap.alignment.surface import ViewSurface, view_surface
from modmap.evidence.absence import Absence, absences
from modmap.evidence.appearance import NominalAppearance, appearance
from modmap.evidence.deviation import ViewDeviation, deviations, place_edge
from modmap.evidence.fixture import without_fixtures
from modmap.evidence.levels import APPEARANCE, GEOMETRY, TEXTURE, levelled_together
from modmap.evidence.nominal import NominalSurface
from modmap.evidence.reduction import reduced
from modmap.evidence.strangers import without_strangers
from modmap.evidence.texture import NominalTexture, texture
from modmap.part_views import part_views
from modmap.scan import Frame, Scan
from modmap.types import Array, ForegroundMode

FOREIGN = (
    2.0  # times what good parts' images differ nearly everywhere: more isn't two scans of one kind of part
)


@dataclass(frozen=True, eq=False)
class ReducedViews:
    """The views of a scan at the resolution that evidence is taken at.

    Attributes:
        frames: By id, each with its part alone.
        surfaces: What they measured, by id.
        shapes: (H, W) before the reduction, by id.
        masks: Their part's pixels before the reduction, packed to bits, by id.
        notes: What was guessed, repaired or left out on the way.
    """

    frames: Mapping[str, Frame]
    surfaces: Mapping[str, ViewSurface]
    shapes: Mapping[str, tuple[int, int]]
    masks: Mapping[str, Array]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, scan: Scan, *, foreground: ForegroundMode) -> ReducedViews:
        """Reads the views of a scan, as many at a time as there are threads; those without any depth are left out.

        Args:
            scan: The scan; each view needs a camera.
            foreground: Which pixels are the part.

        Raises:
            ModMapError: a view can't be loaded, or no view has any depth.
        """

        def made(frame: Frame, mask: Array) -> tuple[Frame, ViewSurface, tuple[int, int], Array]:
            small = reduced(frame, mask)
            return small, view_surface(small, small.depth > 0), frame.shape, np.packbits(mask)

        notes: list[str] = []
        frames, surfaces, shapes, masks = {}, {}, {}, {}
        for small, surface, shape, packed in part_views(scan, made, foreground=foreground, notes=notes):
            frames[small.id], surfaces[small.id] = small, surface
            shapes[small.id], masks[small.id] = shape, packed
        return cls(frames, surfaces, shapes, masks, tuple(notes))


@dataclass(frozen=True, eq=False)
class Comparison:
    """What the comparison with the nominal scan says of a new one, in multiples of what a good part shows at most.

    Attributes:
        registration: How the part lay.
        part: By view id the new surfaces, without what the part lies on and fixtures.
        geometry: By view id, at the reduced resolution; empty where geometry wasn't asked.
        absence: Nominal surface that is missing; None where geometry wasn't asked.
        appearance: By view id (H, W) float32, NaN where nothing is said; empty where appearance wasn't asked or can't
            be used.
        texture: The same of texture.
        foreign: How many times what good parts' do the images differ nearly everywhere, where that is too much for
            appearance to be used, and others speak; else None.
        judged: Share of the part's measured surface of which anything is said, in [0, 1].
        seconds: Wall time of `alignment`, and of `geometry`, `appearance` and `texture` where these were asked.
    """

    registration: Registration
    judged: float
    part: Mapping[str, ViewSurface]
    geometry: Mapping[str, ViewDeviation] = field(default_factory=dict)
    absence: Absence | None = None
    appearance: Mapping[str, Array] = field(default_factory=dict)
    texture: Mapping[str, Array] = field(default_factory=dict)
    foreign: float | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """How the part lay, one line, and what isn't known of it."""
        found = self.registration
        shift = float(np.linalg.norm(moved(found.motion, found.centre[None])[0] - found.centre))
        line = (
            f"alignment: the part lay {shift:.2f} mm and {degrees_of(found.motion):.2f} degrees from the nominal one; "
            f"residual {found.residual:.3f} mm, overlap {found.overlap:.0%}"
        )
        judged = f"evidence: {self.judged:.0%} of the measured surface is compared with the nominal one"
        seen = (
            ()
            if self.inspected is None
            else (f"evidence: {self.inspected:.1%} of the nominal surface is shown",)
        )
        foreign: tuple[str, ...] = ()
        if self.foreign is not None:
            odd = f"nearly everywhere the images differ {self.foreign:.1f} times as much as good parts' do"
            foreign = (f"evidence: appearance left out: {odd}, as from a rendered part's",)
        return (line, *found.notes, judged, *seen, *foreign)

    @property
    def inspected(self) -> float | None:
        """Share of the nominal part's surface that the views show, in [0, 1]; None where geometry wasn't asked."""
        return None if self.absence is None else self.absence.inspected


@dataclass(frozen=True, eq=False)
class LaidScan:
    """A new scan laid on the nominal one.

    Attributes:
        registration: How the part lay.
        part: By view id the new surfaces, without what the part lies on and fixtures.
        fixtures: By view id (H, W) bool, where the nominal views show fixtures; a view may be missing.
    """

    registration: Registration
    part: Mapping[str, ViewSurface]
    fixtures: Mapping[str, Array]

    @classmethod
    def of(
        cls,
        surfaces: Mapping[str, ViewSurface],
        new: Mapping[str, ViewSurface],
        geometry: NominalSurface | None,
    ) -> LaidScan:
        """Finds the part in a new scan.

        Args:
            surfaces: The nominal views' surfaces, by id, without what the part lies on.
            new: The new views', with it.
            geometry: The nominal surface; None: fixtures aren't looked for.

        Raises:
            AlignmentError: the scan can't be laid on the nominal one.
        """
        part, supported = without_support(new)
        registration = align(surfaces, part)
        if geometry is None:
            return cls(registration, part, {})
        if not geometry.supported:
            alone = without_strangers(geometry, part, registration.motion) if supported else dict(new)
            return cls(registration, alone, {})
        found = without_fixtures(geometry, part, registration.motion, edge=place_edge(new))
        return cls(registration, *found)


def compare(
    surfaces: Mapping[str, ViewSurface],
    new: ReducedViews,
    *,
    geometry: NominalSurface | None,
    look: NominalAppearance | None,
    patches: NominalTexture | None = None,
) -> Comparison:
    """Compares a scan with the nominal part.

    Args:
        surfaces: The nominal views' surfaces, by id, without what the part lies on.
        new: The scan's views.
        geometry: The nominal surface; None: its geometry isn't compared.
        look: What the nominal views look like; None: its appearance isn't compared.
        patches: What a network sees of the nominal views; None: its texture isn't compared.

    Raises:
        AlignmentError: the scan can't be laid on the nominal one.
    """
    times = [time.perf_counter()]
    laid = LaidScan.of(surfaces, new.surfaces, geometry)
    part, motion = laid.part, laid.registration.motion
    times.append(time.perf_counter())
    seconds = {"alignment": times[1] - times[0]}
    views: Mapping[str, ViewDeviation] = {}
    absence: Absence | None = None
    if geometry is not None:
        views = deviations(geometry, part, motion)
        edge = place_edge(new.surfaces)
        absence = absences(geometry, new.surfaces, motion, edge=edge, fixtures=laid.fixtures)
        scores = GEOMETRY.levelled({view_id: one.score for view_id, one in views.items()})
        views = {view_id: replace(one, score=scores[view_id]) for view_id, one in views.items()}
        times.append(time.perf_counter())
        seconds["geometry"] = times[-1] - times[-2]
    images: Mapping[str, Array] = {}
    foreign: float | None = None
    if look is not None:
        kinds = appearance(look, new.frames, part, motion)
        own = APPEARANCE[0].own(kinds[0])
        others = geometry is not None or patches is not None
        if own is not None and own > FOREIGN and others:
            foreign = own
        else:
            images = levelled_together(APPEARANCE, kinds)
        times.append(time.perf_counter())
        seconds["appearance"] = times[-1] - times[-2]
    seen: Mapping[str, Array] = {}
    if patches is not None:
        seen = levelled_together(TEXTURE, texture(patches, new.frames, part, motion))
        seconds["texture"] = time.perf_counter() - times[-1]
    judged = _judged(part, new.surfaces, views, images, seen)
    return Comparison(laid.registration, judged, part, views, absence, images, seen, foreign, seconds)


def _judged(
    part: Mapping[str, ViewSurface],
    new: Mapping[str, ViewSurface],
    views: Mapping[str, ViewDeviation],
    *looks: Mapping[str, Array],
) -> float:
    said = measured = 0
    for view_id, surface in new.items():
        told = np.zeros(surface.depth.shape, dtype=bool)
        if view_id in views:
            told |= np.isfinite(views[view_id].score)
        for images in looks:
            if view_id in images:
                told |= np.isfinite(images[view_id])
        beside_part = (surface.cosine > 0) & (part[view_id].cosine == 0)
        said, measured = said + int(told.sum()), measured + int(((surface.depth > 0) & ~beside_part).sum())
    return said / max(measured, 1)
