"""Global and local crops of a depth map: cropped, turned, mirrored and resized in one warp; no value is changed.

The paper's augmentations (Sec. 3.2) are spatial only. Which distributions they are drawn from isn't published: see
`draw_window`.

A crop is sampled so that no depth appears that nothing was measured at. The pixel of the map that is nearest to a
pixel of the crop decides whether that is a hole, and on which side of a depth edge it lies; interpolation between the
measured neighbours only refines its value, and only where both are closer than `EDGE_SHARE` of the map's range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from dino_depth.arrays import Array
from dino_depth.config import CropSettings
from dino_depth.errors import DinoDepthError

GLOBAL_COUNT = 2
ASPECTS = (3 / 4, 4 / 3)
TRIES = 10
MOST_OUTSIDE = 0.05
GRID = 24
EDGE_SHARE = 0.02
LEAST_MEASURED = 0.1
REDRAWS = 10


class Crops(NamedTuple):
    """The crops of one depth map, float32, holes 0.

    Attributes:
        global_crops: (2, 1, H, W).
        local_crops: (L, 1, h, w); L may be 0.
    """

    global_crops: Array
    local_crops: Array


@dataclass(frozen=True)
class Window:
    """What a crop shows of a map: a rectangle turned about its centre, then mirrored. It may leave the map.

    Attributes:
        x: Of its centre, in pixels of the map; the centre of the upper left pixel is at (0, 0).
        y: Of its centre.
        width: In pixels of the map.
        height: In pixels of the map.
        angle: In radians, from x to y: the rectangle is turned clockwise, and what it shows counterclockwise.
        mirror_x: Left and right are exchanged.
        mirror_y: Top and bottom are exchanged.
    """

    x: float
    y: float
    width: float
    height: float
    angle: float = 0.0
    mirror_x: bool = False
    mirror_y: bool = False

    def matrix(self, size: int) -> Array:
        """(2, 3) float64: takes a pixel (column, row, 1) of the crop of `size` x `size` to (x, y) of the map."""
        step_x = self.width / size * (-1 if self.mirror_x else 1)
        step_y = self.height / size * (-1 if self.mirror_y else 1)
        cos, sin, middle = math.cos(self.angle), math.sin(self.angle), (size - 1) / 2
        xx, xy, yx, yy = cos * step_x, -sin * step_y, sin * step_x, cos * step_y
        return np.array([[xx, xy, self.x - (xx + xy) * middle], [yx, yy, self.y - (yx + yy) * middle]])


def draw_window(rng: np.random.Generator, shape: tuple[int, int], scale: tuple[float, float]) -> Window:
    """Draws what a crop shows.

    Share of the map's area, aspect and place are those of the usual random resized crop: the share is uniform within
    `scale` and the aspect, width to height, log-uniform from 3/4 to 4/3, of `TRIES` pairs the first whose rectangle
    fits the map, or else the largest that does, in the middle; the centre is uniform where it lies within the map. Then
    it turns about its centre, for a part may lie in any direction: by an angle that is uniform over the circle, as far
    as `MOST_OUTSIDE` of the crop then shows what is beside the map, which will be a hole. Of `TRIES` angles the first
    such is taken, or else a quarter turn, by which nothing is outside. So a small crop lies at any angle, and one of
    nearly the whole map near a quarter turn. Each mirroring has a probability of one half.

    Args:
        rng: Source of all that is random.
        shape: Height and width of the map.
        scale: Lowest and highest share of the map's area.
    """
    rows, columns = shape
    across, down, mirror_x, mirror_y = rng.random(4).tolist()
    shares, elongations, turns = rng.random((3, TRIES))
    areas = (scale[0] + (scale[1] - scale[0]) * shares) * rows * columns
    aspects = ASPECTS[0] * (ASPECTS[1] / ASPECTS[0]) ** elongations
    widths, heights = np.sqrt(areas * aspects), np.sqrt(areas / aspects)
    fits = np.flatnonzero((widths <= columns) & (heights <= rows))
    if len(fits):
        width, height = float(widths[fits[0]]), float(heights[fits[0]])
    else:
        width, height = min(columns, rows * ASPECTS[1]), min(rows, columns / ASPECTS[0])
    x = (columns - 1) / 2 + (columns - width) * (across - 0.5)
    y = (rows - 1) / 2 + (rows - height) * (down - 0.5)

    angles = 2 * math.pi * turns
    held = np.flatnonzero(_outside(angles, shape, x=x, y=y, width=width, height=height) <= MOST_OUTSIDE)
    if len(held):
        angle = float(angles[held[0]])
    else:
        # The crop is square: a quarter turn shows the same rectangle, with its sides exchanged.
        quarters = int(4 * turns[0])
        angle = quarters * math.pi / 2
        if quarters % 2:
            width, height = height, width
    return Window(
        x=x,
        y=y,
        width=width,
        height=height,
        angle=angle,
        mirror_x=mirror_x < 0.5,
        mirror_y=mirror_y < 0.5,
    )


def _outside(
    angles: Array, shape: tuple[int, int], *, x: float, y: float, width: float, height: float
) -> Array:
    """(A,) the share of a rectangle that lies outside the map, turned by each of A angles, by a grid of its points."""
    steps = (np.arange(GRID) + 0.5) / GRID - 0.5
    right, down = (steps * width)[None, :, None], (steps * height)[None, None, :]
    cos, sin = (of(angles)[:, None, None] for of in (np.cos, np.sin))
    # From the map's middle.
    from_x = np.abs(x - (shape[1] - 1) / 2 + cos * right - sin * down)
    from_y = np.abs(y - (shape[0] - 1) / 2 + sin * right + cos * down)
    outside: Array = ((from_x > shape[1] / 2) | (from_y > shape[0] / 2)).mean(axis=(1, 2))
    return outside


class CropSampler:
    """Samples crops of one depth map.

    A crop with less than half the map's resolution is taken from a copy of the map that is reduced by 2, 4, 8, ...,
    made once: each of its pixels is the mean of what was measured in a square of pixels, under the rule of the module.

    Args:
        depth: (H, W) float32, 0 where nothing was measured.

    Raises:
        DinoDepthError: not (H, W) float32.
    """

    def __init__(self, depth: Array) -> None:
        if depth.ndim != 2 or 0 in depth.shape or depth.dtype != np.float32:
            raise DinoDepthError(
                f"depth map: expected (H, W) of float32, found {depth.shape} of {depth.dtype.name}"
            )
        nearest, farthest, _, _ = cv2.minMaxLoc(depth, mask=(depth > 0).view(np.uint8))
        self.shape: tuple[int, int] = (depth.shape[0], depth.shape[1])
        self._edge = EDGE_SHARE * (farthest - nearest)
        self._reduced: dict[int, tuple[Array, Array]] = {1: (depth, (depth > 0).astype(np.float32))}

    def nearest(self, window: Window, size: int) -> Array:
        """(size, size) float32: the nearest pixel of the map, 0 in its holes and outside."""
        factor, matrix = self._place(window, size)
        return _warp(self._at(factor)[0], matrix, size, cv2.INTER_NEAREST)

    def crop(self, window: Window, size: int, *, nearest: Array | None = None) -> Array:
        """(size, size) float32 crop, 0 in holes and outside of the map.

        Args:
            window: What it shows.
            size: Of its sides, in pixels.
            nearest: As the method `nearest` gave it, where that is at hand.
        """
        factor, matrix = self._place(window, size)
        depth, measured = self._at(factor)
        if nearest is None:
            nearest = self.nearest(window, size)
        total = _warp(depth, matrix, size, cv2.INTER_LINEAR)
        weight = _warp(measured, matrix, size, cv2.INTER_LINEAR)
        return _refined(nearest, total, weight, self._edge)

    def _place(self, window: Window, size: int) -> tuple[int, Array]:
        """By how much the map is reduced for a crop, and what takes a pixel of the crop to one of the reduced map."""
        finest = min(window.width, window.height) / size
        factor = 1 << max(0, math.floor(math.log2(finest)))
        matrix = window.matrix(size)
        # A reduced pixel's centre is that of the square it stands for.
        matrix[:, 2] -= (factor - 1) / 2
        return factor, matrix / factor

    def _at(self, factor: int) -> tuple[Array, Array]:
        """The map reduced by a factor, and 1 where it has a depth; both float32."""
        if factor not in self._reduced:
            rows, columns = self.shape
            missing = ((0, -rows % factor), (0, -columns % factor))
            depth, measured = (np.pad(full, missing) for full in self._reduced[1])
            size = depth.shape[1] // factor, depth.shape[0] // factor
            total, weight = (
                cv2.resize(full, size, interpolation=cv2.INTER_AREA) for full in (depth, measured)
            )
            middle = np.ascontiguousarray(depth[factor // 2 :: factor, factor // 2 :: factor])
            reduced = _refined(middle, total, weight, self._edge)
            self._reduced[factor] = reduced, (reduced > 0).astype(np.float32)
        return self._reduced[factor]


class MultiCrop:
    """Draws the crops of a depth map: 2 global ones, and local ones.

    A crop with less than a tenth of its pixels measured is drawn again, up to 10 times; then the one with most is
    taken.

    Args:
        settings: Sizes, scales, and how many local crops.
    """

    def __init__(self, settings: CropSettings) -> None:
        self.settings = settings

    def __call__(self, depth: Array, rng: np.random.Generator) -> Crops:
        """Draws crops.

        Args:
            depth: (H, W) float32, normalised, 0 where nothing was measured.
            rng: Source of all that is random.

        Raises:
            DinoDepthError: not (H, W) float32.
        """
        sampler, settings = CropSampler(depth), self.settings
        return Crops(
            _draw(sampler, rng, GLOBAL_COUNT, settings.global_size, settings.global_scale),
            _draw(sampler, rng, settings.local_count, settings.local_size, settings.local_scale),
        )


def _draw(
    sampler: CropSampler, rng: np.random.Generator, count: int, size: int, scale: tuple[float, float]
) -> Array:
    """(count, 1, size, size) crops of random windows."""
    crops = np.empty((count, 1, size, size), np.float32)
    for index in range(count):
        most = -1
        for _ in range(1 + REDRAWS):
            window = draw_window(rng, sampler.shape, scale)
            nearest = sampler.nearest(window, size)
            measured = cv2.countNonZero(nearest)
            if measured > most:
                most, best = measured, (window, nearest)
            if most >= LEAST_MEASURED * size**2:
                break
        crops[index, 0] = sampler.crop(best[0], size, nearest=best[1])
    return crops


def _warp(image: Array, matrix: Array, size: int, interpolation: int) -> Array:
    warped: Array = cv2.warpAffine(
        image,
        matrix,
        (size, size),
        flags=interpolation | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return warped


def _refined(nearest: Array, total: Array, weight: Array, edge: float) -> Array:
    """The weighted mean of what was measured where it is within `edge` of the nearest pixel, or else that.

    Args:
        nearest: 0 where the result has a hole.
        total: Sum of weighted depths; holes have none. It is overwritten.
        weight: Sum of the weights of measured pixels.
        edge: Least step in depth that isn't smoothed.
    """
    mean = np.divide(total, weight, out=total, where=weight > 0)
    smooth = np.abs(mean - nearest) <= edge
    smooth &= nearest > 0
    return np.where(smooth, mean, nearest)
