"""A new scan held against the nominal ones: compared with the first, and its patches with those of all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from modmap.alignment.align import AlignmentError
from modmap.alignment.beside import nominal_beside
from modmap.alignment.support import without_support
from modmap.config import ModMapConfig
from modmap.detector.reference import Reference
from modmap.evidence.comparison import Comparison, ReducedViews, compare
from modmap.evidence.levels import MEMORY, levelled_together
from modmap.evidence.memory import remembered
from modmap.evidence.omissions import omissions
from modmap.evidence.unmeasured import hardly_measured
from modmap.inspection.nominal_shown import NominalShown
from modmap.inspection.scale import require_scale
from modmap.inspection.view_shown import ViewShown
from modmap.not_inspected import NotInspected
from modmap.result import ViewMaps
from modmap.scan import Scan
from modmap.types import Aggregation, Array, Evidence


@dataclass(frozen=True, eq=False)
class AgainstNominal:
    """What the nominal scans say of a new one.

    Attributes:
        evidence: By kind, as far as it was asked and the scan could be used, and by view id (h, w) float32 in multiples
            of what a good part shows at most, NaN where nothing is said.
        seen: The views that it is of; None where nothing could be said.
        nominal: By view id the nominal image (h, w) laid on the view; empty where the scan can't be laid on that scan.
        compared: How the scan lies on the nominal one; None where that wasn't asked, or can't be.
        inspected: Share of the nominal part's surface that the views show, in [0, 1]: 0 where the scan can't be laid on
            it; of as much surface as it has, wherever it lies, where geometry isn't asked; None where that isn't known.
        omitted: The nominal surface that nothing is said of; None where geometry isn't asked, or the scan can't be
            laid on the nominal one.
        omitted_pixels: By view id (h, w) uint8, where that surface would lie in the view.
        seconds: Wall time by step.
        notes: What a person should know.
    """

    evidence: Mapping[Evidence, Mapping[str, Array]] = field(default_factory=dict)
    seen: ReducedViews | None = None
    nominal: Mapping[str, Array] = field(default_factory=dict)
    compared: Comparison | None = None
    inspected: float | None = None
    omitted: NotInspected | None = None
    omitted_pixels: Mapping[str, Array] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def spoke(self) -> bool:
        """Anything was said of the scan."""
        return bool(self.evidence)

    def added_to(self, maps: ViewMaps) -> ViewMaps:
        """A view's maps with what is said of it here."""
        geometry = None if self.compared is None else self.compared.geometry.get(maps.id)
        return replace(
            maps,
            evidence={kind: views[maps.id] for kind, views in self.evidence.items() if maps.id in views},
            deviation_pixels=None if geometry is None else geometry.deviation,
            nominal_pixels=self.nominal.get(maps.id),
            not_inspected_pixels=self.omitted_pixels.get(maps.id),
        )

    def maps(self, *, aggregation: Aggregation) -> dict[str, ViewMaps]:
        """The views' maps with nothing but what is said here, by id."""
        if self.seen is None:
            return {}
        return {
            view_id: self.added_to(
                ViewMaps(
                    id=view_id,
                    image_tokens=None,
                    depth_tokens=None,
                    aggregation=aggregation,
                    shape=self.seen.shapes[view_id],
                    mask_bits=self.seen.masks[view_id],
                )
            )
            for view_id in self.seen.frames
        }


def against_nominal(
    config: ModMapConfig, reference: Reference, scan: Scan, *, asked: NominalShown | None = None
) -> AgainstNominal:
    """Holds a scan against the nominal ones of its class.

    Args:
        config: Says which kinds of evidence are asked.
        reference: The nominal scans.
        scan: The new one.
        asked: What it is asked to show.

    Raises:
        ModMapError: the scan can't be used, and nothing else speaks for or against it; or it is in another unit than
            the nominal one.
    """
    settings = config.evidence
    without = next((view for view in scan.views if view.camera is None), None)
    if without is not None:
        looked_for = without.camera_looked_for
        reason = f"expected a camera for every view, view {without.id} has none ({looked_for})"
        if not settings.mapping:
            raise AlignmentError(f"scan {scan.name}: evidence: {reason}")
        unseen = 0.0 if settings.geometry else None
        return AgainstNominal(inspected=unseen, notes=(f"evidence: only the mapping's: {reason}",))
    started = time.perf_counter()
    seen = ReducedViews.of(scan, foreground=config.inference.foreground)
    evidence: dict[Evidence, Mapping[str, Array]] = {}
    shown = {frame.id: ViewShown.of(frame, frame.depth > 0) for frame in seen.frames.values()}
    told = () if asked is None else require_scale(asked, shown, scan=scan.name)
    seconds = {"reading": time.perf_counter() - started}
    notes: tuple[str, ...] = ()
    compared: Comparison | None = None
    nominal: Mapping[str, Array] = {}
    inspected: float | None = 0.0
    if not settings.geometry:
        inspected = None if asked is None else asked.amount(shown)
    if settings.compares:
        started = time.perf_counter()
        surfaces = reference.part
        geometry = reference.geometry if settings.geometry else None
        look = reference.look if settings.appearance else None
        patches = reference.texture if settings.texture else None
        seconds["nominal"] = time.perf_counter() - started
        try:
            compared = compare(surfaces, seen, geometry=geometry, look=look, patches=patches)
        except AlignmentError as error:
            others = [name for name in ("mapping", "memory") if getattr(settings, name)]
            if not others:
                raise AlignmentError(f"scan {scan.name}: {error}") from None
            notes = (f"evidence: only the {' and the '.join(others)}'s: {error}",)
        else:
            notes = compared.notes
            inspected = compared.inspected if settings.geometry else inspected
            seconds |= compared.seconds
            motion = compared.registration.motion
            nominal = nominal_beside(reference.frames, surfaces, seen.surfaces, motion)
            if settings.geometry:
                evidence["geometry"] = {view_id: one.score for view_id, one in compared.geometry.items()}
            if compared.appearance:
                evidence["appearance"] = compared.appearance
            if settings.texture:
                evidence["texture"] = compared.texture
            evidence = reference.tolerated.taken_off(surfaces, evidence, seen.surfaces, motion)
    if reference.memory is not None:
        started = time.perf_counter()
        part = without_support(seen.surfaces)[0] if compared is None else compared.part
        strange = remembered(reference.memory, seen.frames, part)
        if compared is not None:
            speaks = {
                view_id: np.any([np.isfinite(maps[view_id]) for maps in strange], axis=0)
                for view_id in strange[0]
            }
            spoken = {view_id: surface for view_id, surface in part.items() if view_id in speaks}
            known = hardly_measured(reference.part, spoken, compared.registration.motion, asked=speaks)
            strange = tuple(
                {
                    view_id: np.where(known.get(view_id, False), np.nan, one).astype(np.float32)
                    for view_id, one in maps.items()
                }
                for maps in strange
            )
        evidence["memory"] = levelled_together(MEMORY, strange)
        seconds["memory"] = time.perf_counter() - started
    omitted: NotInspected | None = None
    omitted_pixels: Mapping[str, Array] = {}
    if compared is not None and compared.absence is not None:
        started = time.perf_counter()
        # Memory speaks of patches wherever they lie: it compares no place with its own.
        placed = [views for kind, views in evidence.items() if kind != "memory"]
        said = {
            view_id: np.any([np.isfinite(views[view_id]) for views in placed if view_id in views], axis=0)
            for view_id in seen.surfaces
            if any(view_id in views for views in placed)
        }
        omitted, omitted_pixels = omissions(
            reference.part, seen.surfaces, compared.registration.motion, absence=compared.absence, said=said
        )
        seconds["not inspected"] = time.perf_counter() - started
    return AgainstNominal(
        evidence,
        seen if evidence else None,
        nominal,
        compared,
        inspected,
        omitted,
        omitted_pixels,
        seconds,
        (*told, *notes),
    )
