"""Where the sensor measures nothing, as the scan itself shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from modmap.alignment.surface import STEEPEST, ViewSurface
from modmap.evidence.appearance import below_white
from modmap.scan import Frame
from modmap.types import Array

STEEP = 0.005  # share of the measured pixels that are grazed more than is taken for measurable
SELDOM = 0.05  # of a view's outline: so few jumps with both sides measured are none
CLOSING = 9  # pixels: holes in a view's surface that are narrower
MOSTLY = 0.5  # of the white pixels within the surface that have no depth


@dataclass(frozen=True)
class Losses:
    """What a sensor doesn't measure.

    Attributes:
        grazing: Cosine of incidence below which it measures nothing.
        jumps: Whether pixels beside a jump of the depth are lost.
        glare: Whether white pixels are lost.
    """

    grazing: float
    jumps: bool
    glare: bool

    @classmethod
    def of(cls, frames: Mapping[str, Frame], surfaces: Mapping[str, ViewSurface]) -> Losses:
        """Looks at what a scan measured.

        Args:
            frames: The views, by id.
            surfaces: Their surfaces, by id.
        """
        cosines = [surface.cosine[surface.cosine > 0] for surface in surfaces.values()]
        every = np.concatenate(cosines) if cosines else np.zeros(0)
        jumps = outline = white = lost = 0
        for view_id, surface in surfaces.items():
            measured = surface.depth > 0
            jumps += int(np.count_nonzero(jumps_of(surface.depth, float(surface.camera.K[0, 0]))))
            outline += int(np.count_nonzero(measured & ~_eroded(measured)))
            kernel = np.ones((CLOSING, CLOSING), np.uint8)
            closed = cv2.morphologyEx(measured.astype(np.uint8), cv2.MORPH_CLOSE, kernel) > 0
            glaring = closed & ~below_white(frames[view_id].image)
            white += int(np.count_nonzero(glaring))
            lost += int(np.count_nonzero(glaring & ~measured))
        return cls(
            grazing=float(np.quantile(every, STEEP)) if len(every) else 0.0,
            jumps=jumps < SELDOM * max(outline, 1),
            glare=lost > MOSTLY * white,
        )


def jumps_of(depth: Array, focal: float) -> Array:
    """(H, W) bool: measured pixels beside which another measured one lies farther off than any surface would."""
    found = np.zeros(depth.shape, dtype=bool)
    for axis in (0, 1):
        first, second = (depth[:-1], depth[1:]) if axis == 0 else (depth[:, :-1], depth[:, 1:])
        apart = (first > 0) & (second > 0) & (np.abs(first - second) > STEEPEST * first / focal)
        if axis == 0:
            found[:-1] |= apart
            found[1:] |= apart
        else:
            found[:, :-1] |= apart
            found[:, 1:] |= apart
    return found


def _eroded(mask: Array) -> Array:
    return np.asarray(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0)
