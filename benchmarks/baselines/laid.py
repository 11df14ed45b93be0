"""A scan laid on the nominal one for a method that compares views pixel by pixel, and its maps carried back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from modmap.alignment.align import align
from modmap.alignment.motion import moved
from modmap.alignment.on_nominal_pixels import on_nominal_pixels
from modmap.alignment.support import without_support
from modmap.detector.reference import Reference
from modmap.encoding.square import Square
from modmap.evidence.comparison import ReducedViews
from modmap.evidence.lookup import nearest_at, places_in
from modmap.result import ViewMaps
from modmap.scan import Frame, Scan
from modmap.types import Array, ForegroundMode

MOST_TOKENS = 512  # along a side of a map that is carried back


@dataclass(frozen=True, eq=False)
class LaidViews:
    """The views of a scan as the nominal cameras would show them, had the part lain where the nominal one lay.

    Attributes:
        frames: By id.
        reference: The nominal views.
        seen: The scan's own.
        motion: (4, 4) from the scan's world to the nominal one's.
    """

    frames: Mapping[str, Frame]
    reference: Reference
    seen: ReducedViews
    motion: Array

    @classmethod
    def of(cls, scan: Scan, reference: Reference, *, foreground: ForegroundMode) -> LaidViews:
        """Lays a scan on the nominal one.

        Args:
            scan: The scan.
            reference: The nominal views.
            foreground: Which pixels are the part.

        Raises:
            AlignmentError: it can't be laid there.
            ModMapError: a view has no camera, or can't be read.
        """
        seen = ReducedViews.of(scan, foreground=foreground)
        motion = align(reference.part, without_support(seen.surfaces)[0]).motion
        frames = on_nominal_pixels(reference.surfaces, seen.frames, seen.surfaces, motion)
        return cls(frames, reference, seen, motion)

    def carried_back(self, maps: ViewMaps) -> ViewMaps:
        """A laid view's maps in the scan's own pixels.

        Args:
            maps: Of a method that says the same of both modalities.
        """
        surface, nominal = self.seen.surfaces[maps.id], self.reference.surfaces[maps.id]
        part = surface.depth > 0
        tokens = maps.image_tokens
        assert tokens is not None
        there = Square(*maps.shape, len(tokens)).upsample(tokens, np.isfinite(tokens))
        points = moved(self.motion, surface.points[part].astype(np.float64))
        scores = np.zeros(part.shape, dtype=np.float32)
        scores[part] = nearest_at(np.nan_to_num(there), places_in(nominal, points))
        square = Square(part.shape[0], part.shape[1], grid=min(max(part.shape), MOST_TOKENS))
        size = square.grid, square.grid
        own = cv2.resize(square.pad(scores), size, interpolation=cv2.INTER_NEAREST_EXACT)
        own[~square.tokens_touched(part)] = np.inf
        return replace(
            maps,
            image_tokens=own,
            depth_tokens=own,
            shape=self.seen.shapes[maps.id],
            mask_bits=self.seen.masks[maps.id],
        )
