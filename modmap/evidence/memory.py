"""Memory as evidence: surface that looks, or is shaped, like none of the nominal scans', wherever on the part it lies.

Where parts lie anyhow, differ from each other in where their features are, or are seen from one side alone, there is
nothing to lay a scan on. But good parts are made of the same patches. So a network that was trained on photographs is
shown the image and the surface's normals, cut to the part and enlarged, and each patch is compared with the nearest of
those that it saw on the nominal scans in the same view (after PatchCore: Roth et al., CVPR 2022).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

from modmap.alignment.surface import ViewSurface
from modmap.encoding.cnn import STRIDES
from modmap.evidence.part_window import KINDS, PartWindow, enlargement, part_of
from modmap.scan import Frame
from modmap.threads import in_order
from modmap.types import Array

Views = tuple[Mapping[str, Frame], Mapping[str, ViewSurface]]  # of a scan, by id
MOST_PATCHES = 72_000  # that are kept, of all views
OF_VIEW = 6_000  # but of each view at least so many: more than its part can show at once
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
            factor = factor or enlargement(surfaces)
            of_view = max(MOST_PATCHES // max(len(surfaces), 1), OF_VIEW)
            quota = max(of_view // (count * turns), 1)
            for view_id, turn, covered, by_kind in _showings(frames, surfaces, factor, turns):
                taken = covered[np.sort(rng.permutation(len(covered))[:quota])]
                for kind, maps in by_kind.items():
                    some = [one[:, taken[:, 0], taken[:, 1]].T for one in maps]
                    seen.setdefault(view_id, {}).setdefault(kind, []).append(_Shown(scan, turn, taken, some))
        views = in_order(lambda kinds: _view_memory(kinds, count), seen.values())
        return cls(factor, dict(zip(seen, views, strict=True)))


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
        view_id for view_id, surface in surfaces.items() if view_id in memory.views and part_of(surface).any()
    ]

    def compared(view_id: str) -> list[Array]:
        view, surface = memory.views[view_id], surfaces[view_id]
        window = PartWindow.of(frames[view_id], surface, memory.factor)
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


def _showings(
    frames: Mapping[str, Frame], surfaces: Mapping[str, ViewSurface], factor: float, turns: int
) -> Iterator[tuple[str, int, Array, dict[str, list[Tensor]]]]:
    """For each view with something of the part and each turn: both, (M, 2) patches that show the part, and all."""

    def shown(at: tuple[str, int]) -> tuple[str, int, Array, dict[str, list[Tensor]]]:
        view_id, turn = at
        window = PartWindow.of(frames[view_id], surfaces[view_id], factor).turned(turn / turns)
        return view_id, turn, np.argwhere(window.covered), window.seen()

    with_part = [view_id for view_id, surface in surfaces.items() if part_of(surface).any()]
    return in_order(shown, product(with_part, range(turns)))


@dataclass(frozen=True, eq=False)
class _Shown:
    """Some patches of one nominal view as the network saw them: (M, 2) places, and by stride (M, C)."""

    scan: int
    turn: int
    places: Array
    patches: Sequence[Tensor]


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
            for row, column in _beside(places[mine], places[own]):
                distance[row, column] = torch.inf
            smallest.append(distance.min(dim=1).values)
        else:
            smallest.append(_nearest(patches[mine], patches[np.flatnonzero(owner != group)]))
    every = torch.cat(smallest)
    every = every[torch.isfinite(every)]
    largest = float(every.quantile(NEARLY_ALL)) if len(every) else 0.0
    return max(largest * (ALONE if alone else 1.0), LEAST)


def _beside(asked: Array, places: Array) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs (K,) and (K,) of an asked place (M, 2) and a place (N, 2), all different, nearer than `APART`."""
    height, width = np.maximum(asked.max(axis=0), places.max(axis=0)) + 2 * APART
    number = np.full((height, width), -1, dtype=np.int64)
    number[tuple((places + APART).T)] = np.arange(len(places))
    reach = range(1, 2 * APART)
    for down, right in product(reach, reach):
        there = number[asked[:, 0] + down, asked[:, 1] + right]
        found = np.flatnonzero(there >= 0)
        yield torch.from_numpy(found), torch.from_numpy(there[found])


def _together(by_stride: Sequence[Tensor], units: Tensor) -> Tensor:
    """(M, C) patches of all strides, each in its own unit."""
    return torch.cat([one / unit for one, unit in zip(by_stride, units, strict=True)], dim=1)


def _nearest(patches: Tensor, among: Tensor) -> Tensor:
    """(M,) distance of each patch to the nearest of others."""
    starts = range(0, len(patches), AT_ONCE)
    return torch.cat([torch.cdist(patches[at : at + AT_ONCE], among).min(dim=1).values for at in starts])
