"""Texture as evidence: where a network trained on photographs sees another surface than on the nominal part.

Gray levels smoothed over some pixels tell a stain, and nothing of a surface that is as bright but rougher, of a crack
along the lay of a brushed face, or of a chip in half shadow. What a convolutional network sees of a small patch does.
Two good parts never have the same patch, but much the same ones around a place: so a patch of the new image is compared
with those beside it on the nominal one, and the distance with how far such neighbours lie apart on the nominal image
itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from modmap.alignment.motion import inverse, moved
from modmap.alignment.surface import ViewSurface
from modmap.encoding.cnn import STRIDES, cnn_maps
from modmap.evidence.appearance import BRIGHT, below_white, clear_in_both, clear_surface
from modmap.evidence.lookup import APART, OUTSIDE, read_at
from modmap.scan import Frame
from modmap.threads import in_order
from modmap.types import Array

BRIGHTEST = 0.9  # to which a bright place of the part is brought
BESIDE = 1  # patches to each side that a new one is compared with, as it is nearly aligned
AROUND = 3  # patches to each side that tell how far neighbours lie apart, but for those within BESIDE
SPREAD = 11  # patches along the side of the square over which that is averaged
EVERYWHERE = 0.3  # of the part's middle distance, added to that of every place
ASIDE = 0.5  # pixels that an alignment may be off
PART = 0.99  # share of a patch that must be the part to tell what is expected
GLARE = 0.2  # share of a patch that may be glare, which hides texture
LEAST_TOLD = (
    0.3  # share of the patches around a place that must not be glare, or the part's middle is expected
)
COMPARED = 0.8  # share of a patch that must be seen by both to be compared
COARSEST = STRIDES[-1]


@dataclass(frozen=True, eq=False)
class NominalPatches:
    """What the network sees of one nominal view at one stride.

    Attributes:
        seen: (C, h, w) float32.
        expected: (h, w) float32: how far a good part's patch may lie off.
        part: (h, w) float32 share of each patch that is the part.
    """

    seen: Tensor
    expected: Array
    part: Array


@dataclass(frozen=True, eq=False)
class NominalView:
    """One nominal view as the network is shown it.

    Attributes:
        rows: Which of the view's; a multiple of the coarsest stride.
        columns: Likewise.
        gray: (H, W) float32 in [0, 1] of the whole view, 0 off the part.
        known: (H, W) bool: the part, neither grazed nor beside an edge.
        patches: By stride.
    """

    rows: slice
    columns: slice
    gray: Array
    known: Array
    patches: tuple[NominalPatches, ...]


@dataclass(frozen=True, eq=False)
class NominalTexture:
    """What new images are compared with.

    Attributes:
        surfaces: The nominal views' surfaces, by id.
        views: What the network sees of them, by id; a view too small for a patch is left out.
    """

    surfaces: Mapping[str, ViewSurface]
    views: Mapping[str, NominalView]

    @classmethod
    def of(cls, frames: Mapping[str, Frame], surfaces: Mapping[str, ViewSurface]) -> NominalTexture:
        """Shows the nominal views to the network.

        Args:
            frames: The nominal views, reduced, by id.
            surfaces: Their surfaces, by id.
        """
        large = [
            view_id
            for view_id, surface in surfaces.items()
            if (surface.depth > 0).any() and min(surface.depth.shape) >= COARSEST
        ]
        views = in_order(lambda view_id: _nominal_view(frames[view_id], surfaces[view_id]), large)
        return cls(surfaces, dict(zip(large, views, strict=True)))


def texture(
    nominal: NominalTexture,
    frames: Mapping[str, Frame],
    surfaces: Mapping[str, ViewSurface],
    motion: Array,
) -> tuple[dict[str, Array], ...]:
    """Compares what the network sees of a new scan with what it sees of the nominal one.

    Args:
        nominal: What is compared with.
        frames: The new views, reduced, by id; those that the nominal scan lacks are left out.
        surfaces: Their surfaces, by id.
        motion: (4, 4) from the new scan's world to the nominal one's.

    Returns:
        For each stride, by view, (H, W) float32 multiples of what is expected at the place; NaN where nothing is said:
        off the part, grazed or beside an edge in either scan, and where the nominal view sees another surface.
    """
    found: tuple[dict[str, Array], ...] = tuple({} for _ in STRIDES)
    shared = [view_id for view_id in surfaces if view_id in nominal.views]

    def compared(view_id: str) -> list[Array]:
        view, there, surface = nominal.views[view_id], nominal.surfaces[view_id], surfaces[view_id]
        scores = _compared(view, there, frames[view_id], surface, motion)
        return _on_new_view(view, scores, *clear_in_both(view.known, there, surface, motion))

    for view_id, scores in zip(shared, in_order(compared, shared), strict=True):
        for maps, one in zip(found, scores, strict=True):
            maps[view_id] = one
    return found


def _on_new_view(view: NominalView, scores: Sequence[Array], known: Array, place: Array) -> list[Array]:
    """For each stride (H, W) float32 the scores of nominal patches at a new view's pixels, NaN where there are none.

    Args:
        view: The nominal view.
        scores: By stride (h, w) of its patches, NaN where nothing is said.
        known: (H, W) bool of the new view.
        place: (M, 2) pixel coordinates of the nominal view, of the known pixels.
    """
    corner = np.array([view.columns.start, view.rows.start], dtype=np.float32)
    found = []
    for one, stride in zip(scores, STRIDES, strict=True):
        # The middle of a patch's first pixel and of the patch lie half a patch less half a pixel apart.
        inside = (place - corner + np.float32(0.5)) / np.float32(stride) - np.float32(0.5)
        told = read_at(np.isfinite(one).astype(np.float32), inside)
        sums = read_at(np.nan_to_num(one), inside)
        full = np.full(known.shape, np.nan, dtype=np.float32)
        full[known] = np.where(told > 0.5, sums / np.maximum(told, np.float32(0.5)), np.nan)
        found.append(full)
    return found


def _nominal_view(frame: Frame, surface: ViewSurface) -> NominalView:
    part = surface.depth > 0
    gray = _gray(frame.image, part)
    rows, columns = (_window(np.asarray(part.any(axis=axis))) for axis in (1, 0))
    here = part[rows, columns]
    aside = np.array([[1, 0, ASIDE], [0, 1, ASIDE]], dtype=np.float32)
    glare = part & ~below_white(frame.image)
    shifted = cv2.warpAffine(gray, aside, gray.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    patches = []
    for seen, elsewhere in zip(cnn_maps(gray[rows, columns]), cnn_maps(shifted[rows, columns]), strict=True):
        share = _of_patches(here, seen)
        whole = torch.from_numpy(share > PART)
        # Glare hides the texture, which would seem to be none.
        told = whole & torch.from_numpy(_of_patches(glare[rows, columns], seen) < GLARE)
        apart = _nearest(seen, seen, _steps(BESIDE + 1, AROUND))
        asked = told if told.any() else whole
        middle = apart[asked].median() if asked.any() else torch.ones(())
        of_told = _averaged(told.float())
        spread = _averaged(torch.where(told, apart, torch.zeros(()))) / of_told.clamp_min(1 / SPREAD**2)
        enough = of_told > LEAST_TOLD * _averaged(whole.float())
        spread = torch.where(enough, spread, torch.maximum(spread, middle))
        expected = (spread + (seen - elsewhere).square().sum(dim=0) + EVERYWHERE * middle).sqrt()
        patches.append(NominalPatches(seen, expected.clamp_min(1e-6).numpy(), share))
    return NominalView(rows, columns, gray, clear_surface(surface), tuple(patches))


def _compared(
    view: NominalView, nominal: ViewSurface, frame: Frame, surface: ViewSurface, motion: Array
) -> list[Array]:
    """For each stride (h, w) float32 multiples of what is expected, NaN where too little is seen by both."""
    mask = nominal.depth > 0
    points = moved(inverse(motion), nominal.points[mask].astype(np.float64))
    uv, z = surface.camera.project(points)
    place = np.full((*mask.shape, 2), OUTSIDE, dtype=np.float32)
    place[mask] = np.nan_to_num(uv, nan=OUTSIDE).clip(OUTSIDE, -OUTSIDE)
    gray = cv2.remap(_gray(frame.image, surface.depth > 0), place, None, cv2.INTER_LINEAR)
    depth = cv2.remap(surface.depth, place, None, cv2.INTER_NEAREST)
    there = np.zeros(mask.shape, dtype=np.float32)
    there[mask] = z
    both = mask & (depth > 0) & (np.abs(depth - there) < APART)
    # What only one of them shows is geometry's to tell, and filled from the nominal image: it differs in nothing.
    new = np.where(both, gray, view.gray)[view.rows, view.columns]
    scores = []
    for patches, seen in zip(view.patches, cnn_maps(new), strict=True):
        apart = _nearest(seen, patches.seen, _steps(0, BESIDE)).sqrt().numpy()
        shared = _of_patches(both[view.rows, view.columns], seen)
        told = (shared > COMPARED) & (patches.part > COMPARED)
        scores.append(np.where(told, apart / patches.expected, np.float32(np.nan)))
    return scores


def _gray(image: Array, part: Array) -> Array:
    """(H, W) float32 gray levels in [0, 1], a bright place of the part at `BRIGHTEST`; 0 off the part."""
    levels = np.where(part, image, 0).astype(np.float32)
    bright = float(np.quantile(levels[part], BRIGHT)) if part.any() else 0.0
    return np.asarray(np.minimum(levels * np.float32(BRIGHTEST / max(bright, 1e-6)), 1))


def _window(taken: Array) -> slice:
    """The smallest range of whole coarse patches around what is taken along an axis, cut to what the axis has."""
    first, last = np.flatnonzero(taken)[[0, -1]]
    most = len(taken) // COARSEST
    start = min(first // COARSEST, most - 1)
    return slice(int(start) * COARSEST, int(max(min(-(-(last + 1) // COARSEST), most), start + 1)) * COARSEST)


def _of_patches(mask: Array, seen: Tensor) -> Array:
    """(h, w) float32 share of each patch that a mask holds."""
    size = int(seen.shape[2]), int(seen.shape[1])
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA))


def _steps(nearest: int, farthest: int) -> Iterator[tuple[int, int]]:
    reach = range(-farthest, farthest + 1)
    return ((down, right) for down, right in product(reach, reach) if max(abs(down), abs(right)) >= nearest)


def _nearest(seen: Tensor, among: Tensor, steps: Iterator[tuple[int, int]]) -> Tensor:
    """(h, w) smallest squared distance of each place's patch to those of another map so many steps aside."""
    height, width = seen.shape[1:]
    padded = F.pad(among[None], (AROUND,) * 4, mode="replicate")[0]
    smallest = torch.full((height, width), torch.inf)
    for down, right in steps:
        top, left = AROUND + down, AROUND + right
        there = padded[:, top : top + height, left : left + width]
        smallest = torch.minimum(smallest, (seen - there).square().sum(dim=0))
    return smallest


def _averaged(values: Tensor) -> Tensor:
    """(h, w) mean over a square of patches, those outside counting as zero."""
    return F.avg_pool2d(values[None], SPREAD, stride=1, padding=SPREAD // 2)[0]
