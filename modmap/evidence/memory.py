"""Memory as evidence: surface that looks, or is shaped, like none of the nominal scans', wherever on the part it lies.

Where parts lie anyhow, differ from each other in where their features are, or are seen from one side alone, there is
nothing to lay a scan on. But good parts are made of the same patches. So a network that was trained on photographs is
shown the image and the surface's normals, cut to the part and enlarged, and each patch is compared with the nearest of
those that it saw on the nominal scans in the same view (after PatchCore: Roth et al., CVPR 2022).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from modmap.alignment.surface import ViewSurface
from modmap.encoding.cnn import STRIDES, cnn_maps
from modmap.evidence.appearance import BRIGHT
from modmap.evidence.smoothing import blurred
from modmap.scan import Frame
from modmap.threads import in_order
from modmap.types import Array

Views = tuple[Mapping[str, Frame], Mapping[str, ViewSurface]]  # of a scan, by id
KINDS = ("image", "normals")
SIDE = 512  # pixels that the longer side of a nominal part's window is brought to
LARGEST_FACTOR = 4.0  # by which a view is enlarged at most
MARGIN = 16  # pixels around the part, enlarged
BRIGHTEST = 0.9  # to which a bright place of the part is brought
SMOOTHING = 1.0  # enlarged pixels: of the normals, whose noise is the sensor's
HOLES = 12  # enlarged pixels: half the width of the holes in the depth that are closed
RIM = 3.0  # pixels of a view 1024 wide: beside an edge or a hole no normal is known
COVERED = 0.01  # share of a patch that must be the part
MOST_PATCHES = 72_000  # that are kept, of all views
MOST_ASKED = 3_000  # of a view's patches that tell how far good ones lie apart
NEARLY_ALL = 0.999  # share of them that stay below what a good part shows at most
APART = 4  # patches: a scan that stands alone is compared with itself no nearer
ALONE = (
    0.6  # of what it then shows at most, other good scans do (four categories of the simulated work split)
)
LEAST_UNIT = 0.05  # of the channels of a stride, were all patches alike
LEAST = 3.0  # channels' deviations: nearer no two real surfaces lie, though two rendered ones may
AT_ONCE = 1024  # patches that are compared with all that are kept
SEED = 0


@dataclass(frozen=True, eq=False)
class ViewMemory:
    """What is kept of one view of all nominal scans, by kind.

    Attributes:
        patches: (M, C) float16 of the nominal scans.
        units: (strides,) float32 that the channels of each stride were divided by.
        most: How far all but one in a thousand good patches lie from the nearest of another scan.
    """

    patches: Mapping[str, Tensor]
    units: Mapping[str, Tensor]
    most: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Memory:
    """What patches of new scans are compared with.

    Attributes:
        factor: By which views are enlarged.
        views: By id; a view of which no nominal scan measured anything is left out.
    """

    factor: float
    views: Mapping[str, ViewMemory]

    @classmethod
    def of(
        cls,
        scans: Iterable[Views],
        *,
        count: int,
        turns: int = 1,
    ) -> Memory:
        """Shows nominal scans to the network, one at a time.

        Args:
            scans: Of each the views, reduced, by id, and their surfaces without what the part lies on.
            count: How many there are.
            turns: Each view is shown turned about its axis so many times, evenly: for parts that lie at any angle.
        """
        factor = 0.0
        rng = np.random.default_rng(SEED)
        seen: dict[str, dict[str, list[_Shown]]] = {}
        for scan, (frames, surfaces) in enumerate(scans):
            factor = factor or _factor(surfaces)
            quota = max(MOST_PATCHES // (max(len(surfaces), 1) * count * turns), 1)
            for view_id, surface in surfaces.items():
                if not _part(surface).any():
                    continue
                for turn in range(turns):
                    shown = _Window.of(frames[view_id], surface, factor).turned(turn / turns)
                    covered = np.argwhere(shown.covered)
                    taken = covered[np.sort(rng.permutation(len(covered))[:quota])]
                    for kind, maps in shown.seen().items():
                        some = [one[:, taken[:, 0], taken[:, 1]].T for one in maps]
                        seen.setdefault(view_id, {}).setdefault(kind, []).append(
                            _Shown(scan, turn, taken, some)
                        )
        return cls(factor, {view_id: _view_memory(kinds, count) for view_id, kinds in seen.items()})


def remembered(
    memory: Memory, frames: Mapping[str, Frame], surfaces: Mapping[str, ViewSurface]
) -> tuple[dict[str, Array], ...]:
    """Compares the patches of a new scan with those of the nominal ones.

    Args:
        memory: What is compared with.
        frames: The new views, reduced, by id; those that the nominal scans lack are left out.
        surfaces: Their surfaces, by id, without what the part lies on.

    Returns:
        For each of `KINDS`, by view, (H, W) float32 multiples of what good patches lie apart at most; NaN off the part.
    """
    found: tuple[dict[str, Array], ...] = tuple({} for _ in KINDS)
    shared = [
        view_id for view_id, surface in surfaces.items() if view_id in memory.views and _part(surface).any()
    ]

    def compared(view_id: str) -> list[Array]:
        view, surface = memory.views[view_id], surfaces[view_id]
        window = _Window.of(frames[view_id], surface, memory.factor)
        asked = torch.from_numpy(window.covered)
        maps = []
        for kind, seen in window.seen().items():
            patches = _together([one[:, asked].T for one in seen], view.units[kind])
            scores = torch.full(asked.shape, torch.nan)
            scores[asked] = _nearest(patches, view.patches[kind].float()) / view.most[kind]
            maps.append(window.on_view(scores.numpy(), surface))
        return maps

    for view_id, one in zip(shared, in_order(compared, shared), strict=True):
        for maps, scores in zip(found, one, strict=True):
            maps[view_id] = scores
    return found


@dataclass(frozen=True, eq=False)
class _Shown:
    """Some patches of one nominal view as the network saw them: (M, 2) places, and by stride (M, C)."""

    scan: int
    turn: int
    places: Array
    patches: Sequence[Tensor]


@dataclass(frozen=True, eq=False)
class _Window:
    """A view cut to its part and enlarged, as the network is shown it.

    Attributes:
        gray: (H, W) float32 in [0, 1]; both sides multiples of the coarsest stride.
        normals: (H, W, 3) float32 in [0, 1], 0.5 where none is known.
        part: (H, W) float32 share of each pixel that is the part.
        to_view: (2, 3) from its pixel coordinates to the view's.
    """

    gray: Array
    normals: Array
    part: Array
    to_view: Array

    @classmethod
    def of(cls, frame: Frame, surface: ViewSurface, factor: float) -> _Window:
        part = _part(surface)
        rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
        first = np.array([columns[0], rows[0]], dtype=np.float64)
        last = np.array([columns[-1], rows[-1]], dtype=np.float64)
        coarsest = STRIDES[-1]
        size = np.ceil(((last - first + 1) * factor + 2 * MARGIN) / coarsest).astype(int) * coarsest
        middle = (first + last) / 2
        corner = middle - (size - 1) / (2 * factor)
        to_view = np.array([[1 / factor, 0, corner[0]], [0, 1 / factor, corner[1]]])
        camera_normals = surface.normals @ surface.camera.T_world_to_camera[:3, :3].T.astype(np.float32)
        bright = float(np.quantile(frame.image[part], BRIGHT))
        gray = np.minimum(frame.image.astype(np.float32) * np.float32(BRIGHTEST / max(bright, 1e-6)), 1)
        width, height = (int(one) for one in size)

        def cut(values: Array, *, border: int = cv2.BORDER_CONSTANT) -> Array:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            return np.asarray(
                cv2.warpAffine(values, to_view, (width, height), flags=flags, borderMode=border)
            )

        known = cut((surface.cosine > 0).astype(np.float32))
        held = cut(camera_normals * (surface.cosine > 0)[..., None])
        normals, fine = _mean(held, known, SMOOTHING), known > 0.5
        # Where glare leaves holes in the depth, the surface goes on: a hole isn't a feature.
        hole = (cv2.morphologyEx(fine.astype(np.uint8), cv2.MORPH_CLOSE, _disc(HOLES)) > 0) & ~fine
        normals[hole] = _mean(held, known, HOLES / 2)[hole]
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), np.float32(1e-6))
        normals[~(fine | hole)] = 0
        return cls(cut(gray, border=cv2.BORDER_REPLICATE), normals, cut(part.astype(np.float32)), to_view)

    def turned(self, share: float) -> _Window:
        """The same turned about the view's axis by a share of a whole turn; of no use to find a place in the view."""
        if not share:
            return self
        height, width = self.gray.shape
        side = -(-int(np.ceil(np.hypot(height, width))) // STRIDES[-1]) * STRIDES[-1]
        angle = 2 * np.pi * share
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        from_middle = np.array([width - 1, height - 1]) / 2 - turn @ np.full(2, (side - 1) / 2)
        back = np.concatenate([turn, from_middle[:, None]], axis=1)

        def cut(values: Array, *, border: int = cv2.BORDER_CONSTANT) -> Array:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            return np.asarray(cv2.warpAffine(values, back, (side, side), flags=flags, borderMode=border))

        normals = cut(self.normals)
        normals[..., :2] = normals[..., :2] @ turn.astype(np.float32)
        return _Window(cut(self.gray, border=cv2.BORDER_REPLICATE), normals, cut(self.part), self.to_view)

    @property
    def covered(self) -> Array:
        """(h, w) bool: patches of the finest stride that show the part."""
        size = self.gray.shape[1] // STRIDES[0], self.gray.shape[0] // STRIDES[0]
        return np.asarray(cv2.resize(self.part, size, interpolation=cv2.INTER_AREA) > COVERED)

    def seen(self) -> dict[str, list[Tensor]]:
        """By kind, for each stride (C, h, w) of the finest stride's size."""
        shown = {"image": self.gray, "normals": self.normals / 2 + np.float32(0.5)}
        return {kind: _seen(picture) for kind, picture in shown.items()}

    def on_view(self, scores: Array, surface: ViewSurface) -> Array:
        """(H, W) float32 the scores of patches (h, w) at the part's pixels of the view, NaN elsewhere."""
        known = np.isfinite(scores)
        stride = STRIDES[0]
        # From the view's pixels to patches: the middle of a patch lies half a patch from its corner.
        to_window = cv2.invertAffineTransform(self.to_view)
        to_patch = np.concatenate(
            [to_window[:, :2] / stride, (to_window[:, 2:] + 0.5) / stride - 0.5], axis=1
        )
        size = surface.depth.shape[1], surface.depth.shape[0]
        sums, weight = (
            cv2.warpAffine(
                one.astype(np.float32), to_patch, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            )
            for one in (np.where(known, scores, 0), known)
        )
        told = _part(surface) & (weight > 0)
        return np.asarray(np.divide(sums, weight, out=np.full(told.shape, np.nan, np.float32), where=told))


def _mean(values: Array, weight: Array, sigma: float) -> Array:
    """(H, W, 3) float32 mean of values, which are 0 where `weight` (H, W) is, under a Gaussian."""
    total = np.stack([blurred(np.ascontiguousarray(values[..., axis]), sigma) for axis in range(3)], axis=-1)
    return np.asarray(total / np.maximum(blurred(weight, sigma), np.float32(1e-3))[..., None])


def _disc(radius: int) -> Array:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2))


def _part(surface: ViewSurface) -> Array:
    """(H, W) bool: what was measured of the part, and not of what it lies on, which has no normals left."""
    radius = max(round(RIM * surface.depth.shape[1] / 1024), 2)
    near = cv2.dilate((surface.cosine > 0).astype(np.uint8), _disc(radius))
    return np.asarray((near > 0) & (surface.depth > 0))


def _factor(surfaces: Mapping[str, ViewSurface]) -> float:
    """What brings the longer side of the part's window, in the view where it is longest, to `SIDE`."""
    longest = 1
    for surface in surfaces.values():
        part = _part(surface)
        for axis in (0, 1):
            taken = np.flatnonzero(part.any(axis=axis))
            longest = max(longest, int(np.ptp(taken)) + 1 if len(taken) else 1)
    return min(SIDE / longest, LARGEST_FACTOR)


def _seen(picture: Array) -> list[Tensor]:
    maps = [F.avg_pool2d(one[None], 3, stride=1, padding=1) for one in cnn_maps(picture)]
    size = maps[0].shape[-2:]
    return [F.interpolate(one, size=size, mode="bilinear", align_corners=False)[0] for one in maps]


def _view_memory(kinds: Mapping[str, Sequence[_Shown]], count: int) -> ViewMemory:
    patches, units, most = {}, {}, {}
    for kind, shown in kinds.items():
        by_stride = [torch.cat([one.patches[at] for one in shown]) for at in range(len(STRIDES))]
        units[kind] = torch.stack([one.std(dim=0).mean().clamp_min(LEAST_UNIT) for one in by_stride])
        patches[kind] = _together(by_stride, units[kind]).half()
        most[kind] = _most(patches[kind].float(), shown, alone=count == 1)
    return ViewMemory(patches, units, most)


def _most(patches: Tensor, shown: Sequence[_Shown], *, alone: bool) -> float:
    """How far nearly all patches lie from the nearest of another scan; of a scan that stands alone, from elsewhere."""
    owner = np.concatenate([np.full(len(one.places), one.turn if alone else one.scan) for one in shown])
    places = np.concatenate([one.places for one in shown])
    asked = np.random.default_rng(SEED).permutation(len(patches))[:MOST_ASKED]
    smallest = []
    for group in np.unique(owner[asked]):
        mine = asked[owner[asked] == group]
        if alone:
            own = np.flatnonzero(owner == group)
            distance = torch.cdist(patches[mine], patches[own])
            aside = np.abs(places[mine][:, None] - places[own][None]).max(axis=-1)
            distance[torch.from_numpy(aside < APART)] = torch.inf
            smallest.append(distance.min(dim=1).values)
        else:
            smallest.append(_nearest(patches[mine], patches[np.flatnonzero(owner != group)]))
    every = torch.cat(smallest)
    every = every[torch.isfinite(every)]
    largest = float(every.quantile(NEARLY_ALL)) if len(every) else 0.0
    return max(largest * (ALONE if alone else 1.0), LEAST)


def _together(by_stride: Sequence[Tensor], units: Tensor) -> Tensor:
    """(M, C) patches of all strides, each in its own unit."""
    return torch.cat([one / unit for one, unit in zip(by_stride, units, strict=True)], dim=1)


def _nearest(patches: Tensor, among: Tensor) -> Tensor:
    """(M,) distance of each patch to the nearest of others."""
    starts = range(0, len(patches), AT_ONCE)
    return torch.cat([torch.cdist(patches[at : at + AT_ONCE], among).min(dim=1).values for at in starts])
