"""V-AUPRO by Python loops over every threshold, in exact fractions, with a flood fill of its own."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Voxel = tuple[int, ...]
Scan = tuple[Array, Array, Array]


def are_neighbours(a: Voxel, b: Voxel, connectivity: int) -> bool:
    steps = [abs(i - j) for i, j in zip(a, b, strict=True)]
    moved_axes = {6: 1, 18: 2, 26: 3}[connectivity]
    return max(steps) == 1 and sum(steps) <= moved_axes


def flood_fill(ground_truth: Array, connectivity: int) -> list[list[Voxel]]:
    left = {tuple(map(int, voxel)) for voxel in np.argwhere(ground_truth)}
    components = []
    while left:
        component, frontier = [], [left.pop()]
        while frontier:
            voxel = frontier.pop()
            component.append(voxel)
            reached = {other for other in left if are_neighbours(voxel, other, connectivity)}
            left -= reached
            frontier.extend(reached)
        components.append(component)
    return components


def by_number(defects: Array) -> list[list[Voxel]]:
    """The voxels of each number over 0, lowest first."""
    found: dict[int, list[Voxel]] = {}
    for voxel in np.ndindex(defects.shape):
        if defects[voxel] > 0:
            found.setdefault(int(defects[voxel]), []).append(voxel)
    return [voxels for _, voxels in sorted(found.items())]


def reference_components(
    scans: list[Scan], connectivity: int, unobserved: str, split: list[list[list[Voxel]]] | None = None
) -> list[tuple[int, list[float]]]:
    """(size, scores of the observed voxels) of each component that counts; each scan's are flooded or given."""
    components = []
    split = split or [flood_fill(ground_truth, connectivity) for _, ground_truth, _ in scans]
    for (scores, _, observed), defects in zip(scans, split, strict=True):
        for voxels in defects:
            found = [float(scores[voxel]) for voxel in voxels if observed[voxel]]
            size = len(voxels) if unobserved == "miss" else len(found)
            if size:
                components.append((size, found))
    return components


def reference_curve(
    scans: list[Scan],
    connectivity: int,
    nominal: str,
    unobserved: str,
    only: int | None = None,
    split: list[list[list[Voxel]]] | None = None,
) -> list[tuple[Fraction, Fraction]]:
    components = reference_components(scans, connectivity, unobserved, split)
    components = components if only is None else [components[only]]
    nominal_scores = [
        float(score) for s, truth, seen in scans for score in s[seen & ~truth].astype(np.float64)
    ]
    everywhere = sum(int((~truth).sum()) for _, truth, _ in scans)
    nominal_voxels = len(nominal_scores) if nominal == "observed" else everywhere
    thresholds = np.unique(np.concatenate([s[seen].astype(np.float64) for s, _, seen in scans]))
    points = [(Fraction(0), Fraction(0))]
    for threshold in thresholds[::-1].tolist():
        alarms = sum(score >= threshold for score in nominal_scores)
        overlaps = [Fraction(sum(s >= threshold for s in found), size) for size, found in components]
        points.append((Fraction(alarms, nominal_voxels), sum(overlaps, Fraction(0)) / len(overlaps)))
    return [*points, (Fraction(1), points[-1][1])]


def area_under(points: list[tuple[Fraction, Fraction]], limit: float) -> float:
    end, area = Fraction(limit), Fraction(0)
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 >= end or x0 == x1:
            continue
        stop = min(x1, end)
        y_stop = y0 + (y1 - y0) * (stop - x0) / (x1 - x0)
        area += (stop - x0) * (y0 + y_stop) / 2
    return float(area / end)


def reference_aupro(
    scans: list[Scan],
    limit: float,
    connectivity: int = 26,
    nominal: str = "observed",
    unobserved: str = "miss",
) -> float:
    return area_under(reference_curve(scans, connectivity, nominal, unobserved), limit)
