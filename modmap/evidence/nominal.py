"""The nominal part's surface, and how much a good part's may seem to differ from it, place by place.

Two views of one part disagree about its surface by all that makes two scans of it disagree but the motion between them:
noise, the cameras' poses, glossy corners and steep places, where a little to the side is a little farther.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from modmap.alignment.motion import dot
from modmap.alignment.support import without_support
from modmap.alignment.surface import ViewSurface
from modmap.evidence.faces import faces_of, without_offsets
from modmap.evidence.lookup import APART, looked_up
from modmap.evidence.smoothing import sigmas, smoothed
from modmap.threads import in_order
from modmap.types import Array

SCALES = (1.5, 3.0, 6.0)  # of the Gaussians, in pixels of a view that is 1024 wide
NEIGHBOURS = 3  # views beside each that it is compared with
SAME_FACE = 0.7  # cosine between normals of what two views hold for one surface
BROADEST = 512  # pixels beyond which every other one tells enough
TYPICAL = 0.999
BESIDE = 5
LEAST = 0.01  # mm
# A scan compared with another differs by what both bring, and not by one scan's alone.
TWO_SCANS = np.sqrt(2.0)


@dataclass(frozen=True, eq=False)
class NominalSurface:
    """What new scans are compared with.

    Attributes:
        views: The nominal views' surfaces by id, without what the part lies on.
        faces: By view (H, W) the numbers of the part's faces.
        supported: Whether it lay on something that the views show.
        expected: By view (H, W, S) float32 mm: how far, at each scale, a good part's surface may seem to lie off.
    """

    views: Mapping[str, ViewSurface]
    supported: bool
    faces: Mapping[str, Array]
    expected: Mapping[str, Array]

    @classmethod
    def of(cls, surfaces: Mapping[str, ViewSurface]) -> NominalSurface:
        """Takes from the nominal views, by their disagreement, what a good part may show.

        Args:
            surfaces: Of the nominal views, by id.
        """
        views, supported = without_support(surfaces)
        faces = dict(zip(views, in_order(faces_of, views.values()), strict=True))
        spreads = in_order(lambda view_id: _spread(view_id, views, faces[view_id]), views)
        spread = dict(zip(views, spreads, strict=True))
        typical = np.array(
            [_typical([one[..., scale] for one in spread.values()]) for scale in range(len(SCALES))]
        )
        expected = {}
        for view_id, one in spread.items():
            there = cv2.dilate(np.nan_to_num(one), np.ones((BESIDE, BESIDE), np.uint8))
            whole = TWO_SCANS * np.sqrt(there**2 + typical**2)
            height, width = views[view_id].depth.shape
            expected[view_id] = cv2.resize(
                whole.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST
            )
        return cls(views, supported, faces, expected)


def _typical(spread: list[Array]) -> float:
    known = np.concatenate([one[np.isfinite(one)] for one in spread])
    return max(float(np.quantile(known, TYPICAL)) if len(known) else 0.0, LEAST)


def _spread(view_id: str, views: Mapping[str, ViewSurface], faces: Array) -> Array:
    """(h, w, S) root mean square of a view's deviations from those beside it, but for whole faces'.

    NaN where none shows the place.
    """
    surface = views[view_id]
    height, width = surface.depth.shape
    step = 2 if max(height, width) > BROADEST else 1
    smooth = surface.smooth[::step, ::step]
    points, normals = surface.points[::step, ::step][smooth], surface.normals[::step, ::step][smooth]
    face = faces[::step, ::step][smooth]
    widths = [sigma / step for sigma in sigmas(SCALES, width)]
    total, count = np.zeros((*smooth.shape, len(SCALES))), np.zeros((*smooth.shape, len(SCALES)))
    for other in _beside(view_id, views):
        found = looked_up(views[other], points)
        same = dot(found.normals, normals) > SAME_FACE
        deviation = np.full(smooth.shape, np.nan, dtype=np.float32)
        one_surface = np.where(same & (np.abs(found.deviation) < APART), found.deviation, np.nan)
        deviation[smooth] = without_offsets(one_surface, normals, face)
        for scale, sigma in enumerate(widths):
            one = smoothed(deviation, sigma)
            known = np.isfinite(one)
            total[known, scale] += one[known] ** 2
            count[known, scale] += 1
    mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return np.asarray(np.sqrt(mean), dtype=np.float32)


def _beside(view_id: str, views: Mapping[str, ViewSurface]) -> list[str]:
    here = views[view_id].camera.centre
    others = [other for other in views if other != view_id]
    return sorted(others, key=lambda other: float(np.linalg.norm(views[other].camera.centre - here)))[
        :NEIGHBOURS
    ]
