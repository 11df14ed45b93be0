"""Trials: which defects are put where, several far apart in one copy of a good scan, and which of them are found.

A prediction costs the same with one defect as with twenty, and what a defect changes ends some pixels beside it. So the
defects of one copy lie far apart and cover little of the surface together, and each is judged by what is reported near
it, as if it were alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from modmap.alignment.align import AlignmentError
from modmap.defects.regions import find_regions
from modmap.errors import ModMapError
from modmap.pod.carrying import Placed
from modmap.pod.defective_scan import defective
from modmap.pod.good_scan import GoodScan
from modmap.pod.relief import Relief
from modmap.pod.shapes import Kind, Shape
from modmap.result import Result
from modmap.scan import Scan
from modmap.types import Array

PER_COPY = 20
APART = 48.0  # pixels between what two defects of a copy change
SHARE = 0.02  # of the part's surface that the defects of a copy may take together
DRAWS = 30  # of places for a defect in a copy
COVERED = 0.8  # share of a defect's disc that was measured: less isn't a place for it
NEAR = 2.0  # voxels: so near to what was changed is a report of it
FREE = 3  # empty copies that had no place for a defect, after which it isn't tried any more


@dataclass(frozen=True)
class Wanted:
    """A defect that is to be put in.

    Attributes:
        index: Its number in the study.
        kind: Its kind.
        size: mm.
    """

    index: int
    kind: Kind
    size: float


@dataclass(frozen=True, eq=False)
class Planted:
    """A defect of a copy.

    Attributes:
        wanted: What was asked for.
        placed: It, at its place.
    """

    wanted: Wanted
    placed: Placed


def wanted_defects(
    kinds: Sequence[Kind], sizes: tuple[float, float], count: int, *, seed: int
) -> list[Wanted]:
    """So many defects, as many of each kind, their sizes spread evenly over the logarithm.

    Args:
        kinds: The kinds.
        sizes: Smallest and largest, mm.
        count: Of all kinds together.
        seed: Another seed, other sizes in another order.
    """
    rng = np.random.default_rng([seed, 0])
    drawn: list[tuple[Kind, float]] = []
    low, high = np.log(sizes)
    for place, kind in enumerate(kinds):
        own = count // len(kinds) + (place < count % len(kinds))
        shares = (np.arange(own) + rng.uniform(size=own)) / max(own, 1)
        drawn += [(kind, float(np.exp(low + share * (high - low)))) for share in shares]
    order = rng.permutation(len(drawn))
    return [Wanted(index, *drawn[place]) for index, place in enumerate(order)]


def copies_of(
    good: GoodScan, wanted: Sequence[Wanted], *, seed: int, per_copy: int = PER_COPY, apart: float = APART
) -> tuple[list[list[Planted]], list[Wanted]]:
    """Shares defects among copies of a good scan, and finds a place for each.

    Args:
        good: The scan.
        wanted: The defects.
        seed: With a defect's number it tells where that is put.
        per_copy: How many at most are in a copy.
        apart: Pixels, of the evidence's resolution, between what two of them change.

    Returns:
        The copies' defects, and those for which there was no place: too large for the surface that was measured, or, of
        chips, without an edge.
    """
    left = [(one, np.random.default_rng([seed, 1, one.index]), 0) for one in wanted]
    copies: list[list[Planted]] = []
    without: list[Wanted] = []
    while left:
        copy: list[Planted] = []
        later = []
        for one, rng, failed in left:
            full = len(copy) >= per_copy or not _has_room(good, one, copy)
            planted = None if full else _planted(good, one, rng, copy, apart)
            if planted is not None:
                copy.append(planted)
            elif copy or failed + 1 < FREE:
                later.append((one, rng, failed + (not copy)))
            else:
                without.append(one)
        if copy:
            copies.append(copy)
        left = later
    return copies, without


def _has_room(good: GoodScan, wanted: Wanted, others: Sequence[Planted]) -> bool:
    """Whether a copy's defects would still take little of the surface; one alone may take more."""
    taken = sum(np.pi * one.placed.reach**2 for one in others) + np.pi * (wanted.size / 2) ** 2
    return not others or taken <= SHARE * good.surface.area


def _planted(
    good: GoodScan, wanted: Wanted, rng: np.random.Generator, others: Sequence[Planted], apart: float
) -> Planted | None:
    shape = Shape.drawn(wanted.kind, wanted.size, rng)
    surface = good.edges if wanted.kind == "chip" else good.surface
    if not len(surface.areas):
        return None
    for _ in range(DRAWS):
        centre, normal = surface.drawn(rng)
        turn = None if wanted.kind == "chip" else float(rng.uniform(0, np.pi))
        gaps = [
            float(np.linalg.norm(one.placed.relief.centre - centre)) - one.placed.reach - shape.radius
            for one in others
        ]
        if min(gaps, default=np.inf) < apart * good.footprint:
            continue
        reach = (
            1.5 * (shape.radius + max(shape.rises, shape.sinks if shape.kind != "hole" else 0))
            + 2 * good.footprint
        )
        relief = Relief.around(centre, normal, good.part, reach=reach, turn=turn)
        if relief is not None and relief.covered(shape.radius) >= COVERED:
            return Planted(wanted, Placed(shape, relief))
    return None


def tried(
    predict: Callable[[Scan], Result], good: GoodScan, planted: Sequence[Planted], *, name: str
) -> list[Judged]:
    """Puts defects into a copy of a good scan, has it predicted, and judges them.

    A copy that can't be laid on the nominal scan with all of them is tried with each alone; what can't be laid on it
    then isn't found.

    Args:
        predict: Of a calibrated model.
        good: The scan.
        planted: The copy's defects.
        name: Of the copy.

    Raises:
        ModMapError: as `judged`, or a view can't be read.
    """
    bad = defective(good.scan, [one.placed for one in planted], look=good.look, losses=good.losses, name=name)
    try:
        return judged(predict(bad), planted)
    except AlignmentError:
        if len(planted) == 1:
            return [Judged(False, 0.0)]
    return [judgement for one in planted for judgement in tried(predict, good, [one], name=name)]


@dataclass(frozen=True)
class Judged:
    """What became of a defect.

    Attributes:
        hit: Something is reported at it.
        peak: The largest score near it, in multiples of the scan's threshold.
    """

    hit: bool
    peak: float


def judged(result: Result, planted: Sequence[Planted]) -> list[Judged]:
    """Which defects of a copy are found.

    A defect is found if one is reported of which a voxel lies within two voxels of what was changed.

    Args:
        result: The prediction of the copy.
        planted: Its defects.

    Raises:
        ModMapError: the model isn't calibrated, or there is no volume.
    """
    regions, threshold = reported(result)
    volume = result.require_volume()
    index = np.argwhere(volume.observed)
    centres, scores = volume.grid.centres(index), volume.scores[tuple(index.T)]
    found = []
    for one in planted:
        reach = one.placed.reach + NEAR * volume.grid.voxel
        middle = one.placed.relief.centre
        near = ((centres - middle) ** 2).sum(axis=1) <= reach**2
        hit = any(bool((((region - middle) ** 2).sum(axis=1) <= reach**2).any()) for region in regions)
        found.append(Judged(hit, float(scores[near].max(initial=0.0)) / threshold))
    return found


def reported(result: Result) -> tuple[list[Array], float]:
    """The defects that a result reports, each as the centres (M, 3) of its voxels, mm, and the scan's threshold.

    Raises:
        ModMapError: the model isn't calibrated, or there is no volume.
    """
    calibration, volume = result.calibration, result.require_volume()
    if calibration is None or calibration.voxel_threshold is None:
        raise ModMapError(
            "pod: expected a model calibrated for volumes, by whose thresholds a defect is found or not, found none: "
            "run modmap calibrate"
        )
    voxel, scan = calibration.voxel_threshold, calibration.scan_threshold
    regions = find_regions(volume, threshold=voxel, peak_threshold=max(voxel, scan))
    return [volume.grid.centres(region) for region in regions], max(scan, 1e-12)
