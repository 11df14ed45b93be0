"""At each place of the surface the smallest dent that is found with 90% probability.

A few hundred defects can't tell a curve at every place. So every place keeps its kind's slope, and is only harder or
easier than the whole part: by how much, hits and misses near it tell, of every kind that has a curve, and the fewer
they are the less is believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modmap.pod.curves import Curve, refitted
from modmap.pod.places import PartSurface
from modmap.pod.record import Outcome
from modmap.pod.shapes import Kind
from modmap.types import Array

TOLD_BY = 16.0  # defects that lie within the neighbourhood of a place on average
SPREAD = 1.5  # of log odds between places, before anything is tried
REFITS = 3
ROUNDS = 12
CHUNK = 2000
PROBABILITY = 0.9


def smallest_found(
    surface: PartSurface,
    outcomes: Sequence[Outcome],
    curves: Mapping[Kind, Curve],
    *,
    kind: Kind = "dent",
    probability: float = PROBABILITY,
) -> Array | None:
    """(C,) mm of the smallest defect of a kind found with a probability at each piece; None where it has no curve.

    Args:
        surface: The part's, in the nominal scan's world.
        outcomes: What was tried, and whether it was found.
        curves: Of each kind, over size.
        kind: Of the defect.
        probability: In (0, 1).
    """
    lines = {
        name: (curve.intercept, curve.slope)
        for name, curve in curves.items()
        if curve.intercept is not None and curve.slope is not None
    }
    if kind not in lines:
        return None
    told = Told.of([one for one in outcomes if one.kind in lines])
    width = float(np.sqrt(surface.area * TOLD_BY / (2 * np.pi * len(told.hits))))
    # Places that differ make the whole part's curve flatter than that of any of them.
    for _ in range(REFITS):
        lines = told.refitted(lines, width)
    harder = np.zeros(len(surface.points))
    for start in range(0, len(harder), CHUNK):
        some = slice(start, start + CHUNK)
        weights = told.weights(surface.points[some], surface.normals[some], width)
        harder[some] = _shift(weights, told.hits, told.odds(lines))
    intercept, slope = lines[kind]
    wanted = float(np.log(probability / (1 - probability)))
    return np.asarray(np.clip(np.exp((wanted - intercept - harder) / slope), curves[kind].smallest, None))


@dataclass(frozen=True, eq=False)
class Told:
    """What was tried.

    Attributes:
        kinds: (T,) names.
        sizes: (T,) mm.
        hits: (T,) 1 where found, else 0.
        points: (T, 3) mm.
        normals: (T, 3) unit.
    """

    kinds: Array
    sizes: Array
    hits: Array
    points: Array
    normals: Array

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Told:
        """The same as arrays."""
        return cls(
            np.array([one.kind for one in outcomes]),
            np.array([one.size_mm for one in outcomes]),
            np.array([one.hit for one in outcomes], dtype=np.float64),
            np.array([one.place_mm for one in outcomes]),
            np.array([one.normal for one in outcomes]),
        )

    def weights(self, points: Array, normals: Array, width: float) -> Array:
        """(C, T) how much each says of places (C, 3) with normals (C, 3)."""
        apart = ((points[:, None] - self.points[None]) ** 2).sum(axis=2)
        return np.asarray(np.exp(-apart / (2 * width**2)) * np.clip(normals @ self.normals.T, 0, 1))

    def odds(self, lines: Mapping[Kind, tuple[float, float]]) -> Array:
        """(T,) log odds of a hit by the whole part's intercepts and slopes."""
        line = np.array([lines[kind] for kind in self.kinds])
        return np.asarray(line[:, 0] + line[:, 1] * np.log(self.sizes))

    def refitted(
        self, lines: Mapping[Kind, tuple[float, float]], width: float
    ) -> dict[Kind, tuple[float, float]]:
        """Intercepts and slopes once it is known how hard each place is; by the others, not by what was tried there."""
        weights = self.weights(self.points, self.normals, width)
        np.fill_diagonal(weights, 0)
        harder = _shift(weights, self.hits, self.odds(lines))
        found = dict(lines)
        for kind in lines:
            of = self.kinds == kind
            found[kind] = refitted(self.sizes[of], self.hits[of], harder[of]) or lines[kind]
        return found


def _shift(weights: Array, hits: Array, expected: Array) -> Array:
    """(C,) by how much the log odds of defects, weighted (C, T), are off what is expected of them (T,), held to 0."""
    shift = np.zeros(len(weights))
    for _ in range(ROUNDS):
        found = 1 / (1 + np.exp(-np.clip(expected[None] + shift[:, None], -30, 30)))
        slope = (weights * (hits[None] - found)).sum(axis=1) - shift / SPREAD**2
        bend = (weights * found * (1 - found)).sum(axis=1) + 1 / SPREAD**2
        shift = np.clip(shift + np.clip(slope / bend, -1, 1), -8, 8)
    return shift
