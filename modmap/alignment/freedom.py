"""What a surface tells of how a part moved, and what it leaves open: a ball may be turned anyhow, a shaft on its axis.

A direction that the surface leaves open isn't quite open in numbers: the normals that it is told by are noisy, and look
like information. But the noise of two scans is independent. So a direction counts as told by what both scans' normals
say of it, in whose product the noise has no mean, and by no more than a multiple of how far chance lets that lie off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modmap.types import Array

# Mean square of the mm off the surface by a step of 1 mm at the part's edge, below which pixels are too coarse to tell.
LEAST = 3e-4
CHANCE = 5.0  # standard deviations of the noise's mean
TURNS = 0.1  # of a step, what turns the part: less is a shift, but for rounding
DAMPING = 1e-6  # of the sum of weights


@dataclass(frozen=True, eq=False)
class Freedom:
    """Which of the steps of a part its surface tells.

    Attributes:
        told: (6, K) steps, rotation vector (radians) and translation (mm), that move the part's edge by about 1 mm, and
            along which the surface tells how far the part is.
        turns: About how many axes it may be turned and nothing tells.
        total: Sum of the points' weights.
    """

    told: Array
    turns: int = 0
    total: float = 1.0

    @property
    def open(self) -> int:
        """How many of a motion's six parameters nothing tells."""
        return 6 - int(self.told.shape[1])

    @classmethod
    def of(cls, lever: Array, own: Array, weight: Array, *, radius: float) -> Freedom:
        """Of matched points.

        Args:
            lever: (M, 6) derivatives of their distances from the nominal surface by a step, by the nominal normals.
            own: (M, 6) the same by the points' own normals.
            weight: (M,) how much each counts.
            radius: Of the part, mm.
        """
        unit = _unit(radius)
        weighted, total = lever * weight[:, None], max(float(weight.sum()), 1e-9)
        product = weighted.T @ own
        both = np.outer(unit, unit) * (product + product.T) / (2 * total)
        one = np.outer(unit, unit) * (weighted.T @ lever) / total
        values, vectors = np.linalg.eigh(both)
        noise = np.maximum(np.einsum("ij,ik,kj->j", vectors, one, vectors) - values, 0)
        told = values > np.maximum(LEAST, CHANCE * noise / np.sqrt(max(total, 1.0)))
        turning = np.linalg.svd(vectors[:3, ~told], compute_uv=False)
        return cls(unit[:, None] * vectors[:, told], int((turning > TURNS).sum()), total)

    @classmethod
    def all_told(cls, *, radius: float) -> Freedom:
        """Of a part of which nothing is open yet."""
        return cls(np.diag(_unit(radius)))

    def step(self, hessian: Array, gradient: Array) -> Array:
        """(6,) the Newton step among those that the surface tells.

        Args:
            hessian: (6, 6) of half the sum of squares.
            gradient: (6,) likewise.
        """
        small = self.told.T @ hessian @ self.told
        small += DAMPING * self.total * np.eye(len(small))
        return np.asarray(-self.told @ np.linalg.solve(small, self.told.T @ gradient))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know, one line; none where all of a motion is told."""
        if not self.open:
            return ()
        what = " or ".join(
            how
            for how, count in (
                ("turned about an axis" if self.turns == 1 else "turned about any axis", self.turns),
                ("shifted along a direction", self.open - self.turns),
            )
            if count
        )
        return (
            f"alignment: the surface looks the same when the part is {what}: how far it was isn't known, and as "
            "little as may be is taken; a mark on it may be held against another place of the nominal part",
        )


def _unit(radius: float) -> Array:
    return np.array([1 / max(radius, 1e-6)] * 3 + [1.0] * 3)
