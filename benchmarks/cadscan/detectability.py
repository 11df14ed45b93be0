"""How surely a defect could be found by who knows it: the changes of a view over the noise there."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.cadscan.depth_errors import NOISE_SHARE, measurable, noise_deviation
from benchmarks.cadscan.photograph import expected_gray
from benchmarks.cadscan.scanner import Cell, Instance, Shot, image_scale, look
from benchmarks.cadscan.window import Window

Array = npt.NDArray[Any]

LEAST_DETECTABILITY = 5.0  # below it nobody tells a defect from noise
HOLE = 1.0  # deviations that a pixel counts whose measurement comes or goes
TEXTURE_WIDTH = 3.0  # pixels
CHANGED = 0.5  # deviations by which a pixel has changed


@dataclass(frozen=True)
class Expectation:
    """What a piece of a view would be without noise, and the deviation of the noise; arrays (H, W).

    Attributes:
        depth: mm, inf where there is no surface.
        measured: bool, the scanner gets a depth.
        depth_deviation: mm.
        part: bool, what is seen is the part, or table and fixture where these are measured.
        gray: Gray levels.
        gray_deviation: Of the camera's noise and of rounding.
    """

    depth: Array
    measured: Array
    depth_deviation: Array
    part: Array
    gray: Array
    gray_deviation: Array


@dataclass(frozen=True)
class Sight:
    """What one view shows of a defect.

    Attributes:
        depth: d' in depth.
        image: d' in the image.
        pixels: How many pixels change by over half a deviation, or in being measured.
    """

    depth: float
    image: float
    pixels: int

    @property
    def both(self) -> float:
        """d' of depth and image together."""
        return math.hypot(self.depth, self.image)


NOTHING = Sight(0.0, 0.0, 0)


def expectation(cell: Cell, instance: Instance, shot: Shot, window: Window) -> Expectation:
    """What a piece of a view would be without noise."""
    seen, signal, camera = look(cell, instance, shot, window=window)
    table = cell.setup.table
    measured = measurable(seen, signal, exposure=shot.exposure, K=camera.K, table=table, rng=None)
    z = np.where(np.isfinite(seen.z), seen.z, 0)
    gray, gray_deviation = expected_gray(signal, scale=image_scale(camera))
    return Expectation(
        depth=seen.z,
        measured=measured,
        depth_deviation=NOISE_SHARE * noise_deviation(z, seen.cosine, head=cell.head),
        part=np.isfinite(seen.z) & (seen.part | table),
        gray=gray,
        gray_deviation=gray_deviation,
    )


def sight(defective: Expectation, twin: Expectation) -> Sight:
    """The ideal observer's d' for telling a view with a defect from its twin without.

    d'^2 is the sum over the pixels of the squared change over the mean variance of the two. In depth the noise is the
    scanner's, at pixels that both measure; one that only either measures counts `HOLE` deviations, whatever is behind,
    since measurements come and go beside edges and glare on good parts too. In the image the noise is the camera's and,
    as nobody knows the surface of a good part by heart, the texture of the twin around the pixel, over the pixels that
    show the part in either.

    Noise counts as independent from pixel to pixel; the observer knows part, place and light exactly. So it bounds what
    a detector can do.
    """
    both = defective.measured & twin.measured
    variance = (defective.depth_deviation**2 + twin.depth_deviation**2) / 2
    change = np.subtract(defective.depth, twin.depth, out=np.zeros(both.shape), where=both)
    depth = np.divide(change**2, variance, out=np.zeros(both.shape), where=both)
    depth[defective.measured != twin.measured] = HOLE**2
    noise = (defective.gray_deviation**2 + twin.gray_deviation**2) / 2 + texture_variance(twin.gray)
    gray = np.where(defective.part | twin.part, (defective.gray - twin.gray) ** 2 / noise, 0)
    pixels = int(((depth > CHANGED**2) | (gray > CHANGED**2)).sum())
    return Sight(float(np.sqrt(depth.sum())), float(np.sqrt(gray.sum())), pixels)


def together(sights: Iterable[Sight]) -> Sight:
    """Of all views: their noise is independent, so the squares add."""
    sights = tuple(sights)
    depth, image = (math.hypot(*values) for values in zip(*((s.depth, s.image) for s in sights), strict=True))
    return Sight(depth, image, sum(one.pixels for one in sights))


def texture_variance(gray: Array) -> Array:
    """(H, W) variance of a gray image around each pixel."""
    gray = gray.astype(np.float64)
    mean, square = (cv2.GaussianBlur(image, (0, 0), TEXTURE_WIDTH) for image in (gray, gray**2))
    variance: Array = np.maximum(square - mean**2, 0)
    return variance
