"""What further good scans show at each place: where they differ from the first, a new one may as much.

One good part has its own chance marks, its reflections and what its views failed to measure, and every other good part
seems defective there. Of a few further good scans it is known where, and how much of each kind of evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from modmap.alignment.motion import moved
from modmap.alignment.surface import ViewSurface
from modmap.evidence.lookup import nearest_at, places_in
from modmap.types import Array, Evidence

BLOCK = 4  # pixels along the side of what becomes one place
BESIDE = 3  # places along the side of the square in which the largest counts, as no two scans are laid alike
MOST = 1e4  # that is kept

Kinds = Mapping[Evidence, Mapping[str, Array]]


@dataclass(frozen=True, eq=False)
class Tolerated:
    """What further good scans showed at most.

    Attributes:
        kinds: By kind of evidence, by view id (ceil(H / 4), ceil(W / 4)) float16, over the nominal view's pixels, in
            multiples of what a good part shows at most; 0 where none showed anything.
    """

    kinds: Kinds

    @classmethod
    def nothing(cls) -> Tolerated:
        """Of no further scan."""
        return cls({})

    def after(
        self,
        nominal: Mapping[str, ViewSurface],
        evidence: Kinds,
        surfaces: Mapping[str, ViewSurface],
        motion: Array,
    ) -> Tolerated:
        """The same after one more good scan.

        Args:
            nominal: The nominal views' surfaces, by id.
            evidence: What a good scan shows, by kind and by view id (H, W) float32, NaN where nothing is said.
            surfaces: Its views' surfaces, by id.
            motion: (4, 4) from its world to the nominal scan's.
        """
        found = {kind: dict(views) for kind, views in self.kinds.items()}
        for kind, views in evidence.items():
            for view_id, scores in views.items():
                if view_id in nominal:
                    shown = _shown(nominal[view_id], scores, surfaces[view_id], motion)
                    before = found.setdefault(kind, {}).get(view_id)
                    found[kind][view_id] = shown if before is None else np.maximum(before, shown)
        return Tolerated(found)

    def taken_off(
        self,
        nominal: Mapping[str, ViewSurface],
        evidence: Kinds,
        surfaces: Mapping[str, ViewSurface],
        motion: Array,
    ) -> dict[Evidence, Mapping[str, Array]]:
        """Evidence of a new scan in multiples of what good scans show at the place, where that is more than usual.

        Args:
            nominal: As in `after`.
            evidence: As in `after`, of the new scan.
            surfaces: As in `after`.
            motion: As in `after`.
        """
        lowered: dict[Evidence, Mapping[str, Array]] = {}
        for kind, views in evidence.items():
            known = self.kinds.get(kind, {})
            lowered[kind] = {
                view_id: _lowered(known[view_id], nominal[view_id], scores, surfaces[view_id], motion)
                if view_id in known and view_id in nominal
                else scores
                for view_id, scores in views.items()
            }
        return lowered


def _shown(nominal: ViewSurface, scores: Array, surface: ViewSurface, motion: Array) -> Array:
    said = np.isfinite(scores)
    column, row = np.rint(_places(nominal, surface, said, motion)).astype(np.int64).T // BLOCK
    height, width = (-(-side // BLOCK) for side in nominal.depth.shape)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    shown = np.zeros((height, width), dtype=np.float32)
    np.maximum.at(shown, (row[inside], column[inside]), scores[said][inside])
    return np.asarray(cv2.dilate(shown, np.ones((BESIDE, BESIDE), np.uint8)).clip(0, MOST).astype(np.float16))


def _lowered(shown: Array, nominal: ViewSurface, scores: Array, surface: ViewSurface, motion: Array) -> Array:
    said = np.isfinite(scores)
    place = _places(nominal, surface, said, motion)
    there = nearest_at(shown, (place + np.float32(0.5)) / BLOCK - np.float32(0.5))
    unit = np.maximum(there.astype(np.float32), 1)
    lowered = scores.copy()
    lowered[said] = scores[said] / unit
    return lowered


def _places(nominal: ViewSurface, surface: ViewSurface, said: Array, motion: Array) -> Array:
    """(M, 2) float32 pixel coordinates of the nominal view for a new view's pixels of which something is said."""
    return places_in(nominal, moved(motion, surface.points[said].astype(np.float64)))
