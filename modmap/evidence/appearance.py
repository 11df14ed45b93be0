"""Appearance as evidence: what of a new scan's images is darker or brighter than on the nominal part, but for texture.

Two good parts differ in every grain of their surface, and not in its mean over some pixels. So the ratio of the new
image to the nominal one, read at the same places of the part, is taken between two scales, and compared with what the
nominal image itself shows between these scales around the place: its texture, twice, since both parts have one. What is
long and thin is looked for along lines (`modmap.evidence.lines`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from modmap.alignment.motion import length, moved
from modmap.alignment.surface import WHOLE, ViewSurface, eroded
from modmap.evidence.lines import THIRDS, expected_lines, line_scores
from modmap.evidence.lookup import APART, places_in, read_at
from modmap.evidence.smoothing import sigmas, weighted_mean
from modmap.scan import Frame
from modmap.threads import in_order
from modmap.types import Array

SCALES = (2.0, 4.0, 8.0)  # of the Gaussians, in pixels of a view that is 1024 wide
BROADER = 4.0  # times a scale: what is broader is light, not surface
AROUND = 5.0  # times a scale: where a place's texture is taken from
GRAZING = 0.35  # cosine of incidence under which an image says little
RIM = 2.0  # pixels of a view that is 1024 wide: beside an edge, where a pixel shows both sides
MISALIGNED = 0.5  # pixels
DARK = 0.04  # of a bright place's gray level, added to every one, as a ratio of two dark ones says nothing
BRIGHT = 0.99  # share of the part that is darker than a bright place
WHITE = 0.98  # of the largest gray level that can be told: above it is glare
LEAST = 0.03  # relative change that light and camera can make
TYPICAL = 0.999  # share of the nominal part's pixels whose texture stays below 1


@dataclass(frozen=True, eq=False)
class NominalView:
    """What one nominal view looks like.

    Attributes:
        known: (H, W) bool: the part, not grazed.
        logarithm: (H, W) float32 of the gray level, 0 off the part.
        expected: (H, W, S) float32: by how much the logarithms of two good parts may differ at each scale.
        lines: By how much lines may differ, as `modmap.evidence.lines.expected_lines`.
    """

    known: Array
    logarithm: Array
    expected: Array
    lines: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class NominalAppearance:
    """What new images are compared with.

    Attributes:
        surfaces: The nominal views' surfaces, by id.
        views: What they look like, by id.
    """

    surfaces: Mapping[str, ViewSurface]
    views: Mapping[str, NominalView]

    @classmethod
    def of(cls, frames: Mapping[str, Frame], surfaces: Mapping[str, ViewSurface]) -> NominalAppearance:
        """Takes from the nominal views what texture a good part has.

        Args:
            frames: The nominal views, reduced, by id.
            surfaces: Their surfaces, by id.
        """
        seen = list(in_order(lambda view_id: _nominal_view(frames[view_id], surfaces[view_id]), surfaces))
        tails = np.array(
            [_quantile([excess[scale] for _, excess in seen]) for scale in range(len(SCALES))],
            dtype=np.float32,
        )
        views = [replace(view, expected=view.expected * tails) for view, _ in seen]
        return cls(surfaces, dict(zip(surfaces, views, strict=True)))


def appearance(
    nominal: NominalAppearance,
    frames: Mapping[str, Frame],
    surfaces: Mapping[str, ViewSurface],
    motion: Array,
) -> tuple[dict[str, Array], ...]:
    """Compares the images of a new scan with the nominal ones.

    Args:
        nominal: What they are compared with.
        frames: The new views, reduced, by id; those that the nominal scan lacks are left out.
        surfaces: Their surfaces, by id.
        motion: (4, 4) from the new scan's world to the nominal one's.

    Returns:
        First of patches, then of lines of each length, by view (H, W) float32 multiples of what a good part shows at
        the place, of patches at the scale at which that is most; NaN where nothing is said: off the part, where the
        surface is grazed, and where the nominal view sees nothing.
    """
    found: tuple[dict[str, Array], ...] = tuple({} for _ in range(1 + len(THIRDS)))
    shared = [view_id for view_id in surfaces if view_id in nominal.views]

    def compared(view_id: str) -> list[Array]:
        return _compared(nominal, view_id, frames[view_id], surfaces[view_id], motion)

    for view_id, scores in zip(shared, in_order(compared, shared), strict=True):
        for maps, one in zip(found, scores, strict=True):
            maps[view_id] = one
    return found


def _nominal_view(frame: Frame, surface: ViewSurface) -> tuple[NominalView, list[Array]]:
    """What a view looks like, and by scale (M,) how far its own texture exceeds what is expected, where it has one."""
    known = clear_surface(surface)
    logarithm = logarithms(frame.image, surface.depth > 0)
    # Glare hides the texture, which would seem to be none.
    told = known & below_white(frame.image)
    expected, excess = [], []
    for sigma in sigmas(SCALES, known.shape[1]):
        texture = between_scales(logarithm, known, sigma)
        expected.append(np.hypot(_around(texture, told, sigma), _shifted(logarithm, known, sigma)))
        excess.append((np.sqrt(2) * np.abs(texture) / expected[-1])[told])
    lines = expected_lines(logarithm, known, told)
    return NominalView(known, logarithm, np.stack(expected, axis=2), lines), excess


def _compared(
    nominal: NominalAppearance, view_id: str, frame: Frame, surface: ViewSurface, motion: Array
) -> list[Array]:
    view = nominal.views[view_id]
    known, place = clear_in_both(view.known, nominal.surfaces[view_id], surface, motion)
    scores = [np.full(known.shape, np.nan, dtype=np.float32) for _ in range(1 + len(THIRDS))]
    if not known.any():
        return scores
    ratio = np.zeros(known.shape, dtype=np.float32)
    ratio[known] = logarithms(frame.image, surface.depth > 0)[known] - read_at(view.logarithm, place)
    patches = _patches(ratio, known, read_at(view.expected, place))
    for score, told in zip(scores, (patches, *line_scores(ratio, known, place, view.lines)), strict=True):
        score[known] = told
    return scores


def _patches(ratio: Array, known: Array, expected: Array) -> Array:
    """(M,) multiples of what is expected of the known pixels, (M, S), at the scale at which that is most."""
    most = np.zeros(len(expected), dtype=np.float32)
    for scale, sigma in enumerate(sigmas(SCALES, known.shape[1])):
        change = between_scales(ratio, known, sigma)[known]
        most = np.maximum(most, np.abs(change) / np.maximum(expected[:, scale], np.float32(1e-6)))
    return most


def clear_in_both(
    known: Array, nominal: ViewSurface, surface: ViewSurface, motion: Array
) -> tuple[Array, Array]:
    """The pixels of a new view that both views show clearly, and where the nominal one has them.

    Beside a piece of the part that stands before another, one view may show the one where the other shows the other.

    Args:
        known: (H, W) bool: what the nominal view shows clearly.
        nominal: Its surface.
        surface: The new view's.
        motion: (4, 4) from the new scan's world to the nominal one's.

    Returns:
        (H, W) bool, and (M, 2) pixel coordinates of the nominal view for the M pixels, in row order.
    """
    both = clear_surface(surface)
    points = moved(motion, surface.points[both].astype(np.float64))
    place = places_in(nominal, points)
    there = read_at(known.astype(np.float32), place) > WHOLE
    there &= length(points - read_at(nominal.points, place)) < APART
    both[both] = there
    return both, place[there]


def clear_surface(surface: ViewSurface) -> Array:
    """(H, W) bool: surface that isn't grazed, nor beside an edge."""
    return eroded(surface.cosine > GRAZING, max(round(RIM * surface.depth.shape[1] / 1024), 1))


def logarithms(image: Array, part: Array) -> Array:
    """(H, W) float32 natural logarithms of a part's gray levels over that of a bright place; 0 off the part.

    Args:
        image: (H, W) gray levels of any type.
        part: (H, W) bool, not empty.
    """
    levels = image[part].astype(np.float32)
    bright = max(float(np.quantile(levels, BRIGHT)), 1e-6)
    logarithm = np.zeros(image.shape, dtype=np.float32)
    logarithm[part] = np.log(levels / np.float32(bright) + np.float32(DARK))
    return logarithm


def below_white(image: Array) -> Array:
    """(H, W) bool: what isn't glare, of gray levels (H, W) of any type."""
    white = np.iinfo(image.dtype).max if image.dtype.kind in "ui" else image.max()
    return np.asarray(image < WHITE * white)


def between_scales(values: Array, known: Array, sigma: float) -> Array:
    """(H, W) float32 mean of known values over a Gaussian less that over one four times as broad; 0 elsewhere.

    Args:
        values: (H, W) float32.
        known: (H, W) bool.
        sigma: The smaller Gaussian's, in pixels.
    """
    kept, weight = np.where(known, values, 0).astype(np.float32), known.astype(np.float32)
    fine, broad = (weighted_mean(kept, weight, width) for width in (sigma, BROADER * sigma))
    return np.asarray(np.nan_to_num(np.where(known, fine - broad, 0)))


def _around(texture: Array, known: Array, sigma: float) -> Array:
    """(H, W) float32: what the textures of two parts differ by around a place, root mean square.

    Where too little around it is known, as much as in the middle of the view's places.
    """
    square = np.maximum(
        weighted_mean(np.where(known, texture**2, 0), known.astype(np.float32), AROUND * sigma), 0
    )
    enough = square[known & np.isfinite(square)]
    middle = float(np.median(enough)) if len(enough) else 0.0
    return np.asarray(np.sqrt(2 * np.nan_to_num(square, nan=middle) + LEAST**2), dtype=np.float32)


def _shifted(logarithm: Array, known: Array, sigma: float) -> Array:
    """(H, W) float32: how much a smoothed image changes where it lies aside as far as an alignment may be off."""
    smooth = np.nan_to_num(weighted_mean(np.where(known, logarithm, 0), known.astype(np.float32), sigma))
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *axis, ksize=3, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    inside = eroded(known, 1)
    return np.asarray(np.where(inside, MISALIGNED * np.hypot(across, down), 0), dtype=np.float32)


def _quantile(excess: list[Array]) -> float:
    every = np.concatenate(excess) if excess else np.zeros(0)
    return max(float(np.quantile(every, TYPICAL)) if len(every) else 1.0, 1.0)
