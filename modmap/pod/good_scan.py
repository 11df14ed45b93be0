"""A good scan that defects are put into: how its part lies, where its surface is, and what its sensor does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modmap.alignment.support import without_support
from modmap.alignment.surface import ViewSurface
from modmap.detector.fitted import FittedModel
from modmap.detector.jitter import jittered
from modmap.detector.reference import Reference, require_cameras
from modmap.evidence.comparison import LaidScan, ReducedViews
from modmap.evidence.deviation import EDGE_FOOTPRINTS, place_edge
from modmap.pod.places import PartSurface
from modmap.pod.sensor import Losses
from modmap.pod.shading import Shading
from modmap.scan import Frame, Scan
from modmap.types import Array

PIECE = 2.0  # places' edges: the edge of a piece of surface that places are drawn from


@dataclass(frozen=True, eq=False)
class GoodScan:
    """A good scan, and what is known of it.

    Attributes:
        scan: It; a jittered copy where the model was trained on it.
        part: The views' surfaces by id, of the part alone, at the resolution of the evidence.
        frames: The views by id, likewise.
        motion: (4, 4) from its world to the nominal scan's; the identity where the model compares with none.
        surface: Where defects are put.
        edges: Where chips are.
        look: How gray surface is by how it lies.
        losses: What the sensor doesn't measure.
        footprint: mm of the part that a pixel shows, at the resolution of the evidence.
    """

    scan: Scan
    part: Mapping[str, ViewSurface]
    frames: Mapping[str, Frame]
    motion: Array
    surface: PartSurface
    edges: PartSurface
    look: Shading
    losses: Losses
    footprint: float

    @classmethod
    def of(cls, model: FittedModel, scan: Scan, *, seed: int) -> GoodScan:
        """Looks at a good scan as the model does.

        Args:
            model: The model.
            scan: The scan; each view needs a camera.
            seed: Of the jitter, where the model was trained on the scan.

        Raises:
            ModMapError: a view can't be used or has no camera, or the scan can't be laid on the nominal one.
        """
        require_cameras(scan)
        if scan.name in model.trained.scans:
            scan = jittered(scan, seed=seed)
        seen = ReducedViews.of(scan, foreground=model.config.inference.foreground)
        reference = reference_of(model, scan)
        if reference is None:
            part, motion = without_support(seen.surfaces)[0], np.eye(4)
        else:
            geometry = reference.geometry if model.config.evidence.geometry else None
            laid = LaidScan.of(reference.part, seen.surfaces, geometry)
            part, motion = dict(laid.part), laid.registration.motion
        edge = place_edge(part)
        surface = PartSurface.of(part, edge=PIECE * edge)
        return cls(
            scan=scan,
            part=part,
            frames=seen.frames,
            motion=motion,
            surface=surface,
            edges=surface.creased(),
            look=Shading.of(seen.frames, part),
            losses=Losses.of(seen.frames, seen.surfaces),
            footprint=edge / EDGE_FOOTPRINTS,
        )


def reference_of(model: FittedModel, scan: Scan) -> Reference | None:
    """The nominal views that a model lays a scan on; None where it lays it on nothing."""
    if not model.config.evidence.compares:
        return None
    return model.references.get(model.trained.class_of(scan))
