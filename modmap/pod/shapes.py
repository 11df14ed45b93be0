"""The defects that are put in: ideal ones, each of a kind, a size and a depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from modmap.types import Array

Kind = Literal["dent", "bump", "scratch", "chip", "hole", "stain"]
KINDS: tuple[Kind, ...] = get_args(Kind)
RIM = 1.3  # outer radius of a dent's raised rim, in radii of its hollow
RIM_SHARE = 0.125  # height of that rim, of the hollow's depth
TALLEST = 4.0  # mm: a bump
SOFT = 0.4  # of a stain's radius, over which it fades
DARK = 0.35  # of the light that reaches a bore's bottom
BORE = 0.3  # of a bore's radius: what lies deeper is dark
LOBES = 0.1  # by how much of its radius a stain's outline is uneven


@dataclass(frozen=True)
class Shape:
    """A defect by itself, over the plane that touches its place.

    Attributes:
        kind: Its kind.
        size: mm across; of a scratch and a chip, along it. 0 changes nothing.
        depth: mm that surface moves at most; of a stain, by how much of it its gray level changes.
        width: mm: of a scratch.
        gray: How many times as bright the surface is in it.
        phase: Radians, of a stain's outline.
    """

    kind: Kind
    size: float
    depth: float
    width: float = 0.0
    gray: float = 1.0
    phase: float = 0.0

    @classmethod
    def drawn(cls, kind: Kind, size: float, rng: np.random.Generator) -> Shape:
        """A defect of a size, its other measures drawn.

        Depths are 0.03 to 0.15 of a dent's size, 0.12 to 0.35 of a bump's, 0.15 to 0.35 of a chip's and 0.6 to 1.5 of a
        hole's; a scratch is 0.03 to 0.12 mm deep. A stain is 0.35 to 0.75 times as bright as the surface, or, one in
        five, 1.3 to 1.6 times.

        Args:
            kind: The kind.
            size: mm.
            rng: Draws.
        """
        if kind == "dent":
            return cls(kind, size, size * float(np.exp(rng.uniform(np.log(0.03), np.log(0.15)))))
        if kind == "bump":
            return cls(kind, size, min(size * float(rng.uniform(0.12, 0.35)), TALLEST))
        if kind == "chip":
            return cls(kind, size, size * float(rng.uniform(0.15, 0.35)))
        if kind == "hole":
            return cls(kind, size, size * float(rng.uniform(0.6, 1.5)), gray=DARK)
        if kind == "scratch":
            deep, width = float(rng.uniform(0.03, 0.12)), float(rng.uniform(0.1, 0.22))
            return cls(kind, size, deep if size else 0.0, width=width, gray=float(rng.uniform(1.4, 2.2)))
        bright = rng.random() < 0.2
        gray = float(rng.uniform(1.3, 1.6) if bright else rng.uniform(0.35, 0.75))
        return cls(kind, size, abs(gray - 1), gray=gray, phase=float(rng.uniform(0, 2 * np.pi)))

    @property
    def radius(self) -> float:
        """mm from its middle to where it ends along the surface."""
        return self.size / 2 + 3 * self.width

    @property
    def rises(self) -> float:
        """mm by which it stands out of the surface at most."""
        rim = {"dent": RIM_SHARE, "scratch": 0.35, "bump": 1.0}.get(self.kind, 0.0)
        return rim * self.depth

    @property
    def sinks(self) -> float:
        """mm by which it lies under the surface at most."""
        return 0.0 if self.kind in ("bump", "stain") else self.depth

    def moved(self, heights: Array, u: Array, v: Array) -> Array:
        """Heights of the surface with the defect.

        Args:
            heights: Without it, mm over the plane, of any shape; NaN where there is no surface.
            u: mm along the first direction, of the same shape.
            v: mm along the second.
        """
        if not self.size or self.kind == "stain":
            return heights
        if self.kind == "scratch":
            aside = self.from_line(u, v)
            groove = -np.exp(-((aside / self.width) ** 2))
            ridge = 0.35 * np.exp(-(((aside - 1.9 * self.width) / (0.6 * self.width)) ** 2))
            return np.asarray(heights + self.depth * (groove + ridge))
        if self.kind == "chip":
            # An ellipsoid around the place; the edge itself lies at height 0.
            inside = 1 - (u / (self.size / 2)) ** 2 - (v / (1.5 * self.depth)) ** 2
            floor = -self.depth * np.sqrt(np.clip(inside, 0, None))
            return np.where(inside > 0, np.minimum(heights, floor), heights)
        rho = np.hypot(u, v) / (self.size / 2)
        if self.kind == "hole":
            return np.where(rho < 1, heights - self.depth, heights)
        if self.kind == "bump":
            return np.asarray(heights + self.depth * np.clip(1 - rho**2, 0, None))
        rho = rho * RIM
        hollow = -(np.clip(1 - rho**2, 0, None) ** 1.5)
        fade = np.clip((RIM - rho) / (RIM - 1.1), 0, 1)
        rim = RIM_SHARE * np.exp(-(((rho - 1.05) / 0.12) ** 2)) * fade
        return np.asarray(heights + self.depth * (hollow + rim))

    def grays(self, u: Array, v: Array, sunk: Array) -> Array:
        """How many times as bright the surface itself is, but for how it lies.

        Args:
            u: mm along the first direction, of any shape.
            v: mm along the second, of the same shape.
            sunk: mm by which the surface lies deeper than it did, of the same shape.
        """
        if not self.size or self.gray == 1.0:
            return np.ones(u.shape)
        if self.kind == "hole":
            # A ray that meets the wall may end a rounding beside it.
            bore = np.hypot(u, v) < 1.01 * self.size / 2
            deep = np.where(bore, np.clip(sunk / (BORE * self.size / 2), 0, 1), 0)
            return np.asarray(1 + (self.gray - 1) * deep)
        if self.kind == "scratch":
            weight = np.clip((1.5 * self.width - self.from_line(u, v)) / (0.8 * self.width), 0, 1)
        else:
            angle = np.arctan2(v, u)
            outline = 1 - LOBES * (1 + np.cos(3 * angle + self.phase)) / 2
            weight = np.clip((1 - np.hypot(u, v) / (outline * self.size / 2)) / SOFT, 0, 1)
        return np.asarray(1 + (self.gray - 1) * weight)

    def from_line(self, u: Array, v: Array) -> Array:
        """mm from a scratch's middle line, of places along the two directions."""
        return np.hypot(np.clip(np.abs(u) - self.size / 2, 0, None), v)
