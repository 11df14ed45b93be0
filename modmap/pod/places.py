"""The measured surface of a part as small pieces, from which places for defects are drawn evenly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modmap.alignment.motion import length
from modmap.alignment.surface import ViewSurface
from modmap.evidence.places import Places
from modmap.types import Array

MOSTLY = 0.5  # of the largest area that a view shows of a piece: less is a piece of it
AROUND = 2.0  # edges of a piece
TURNS = 0.94  # length of the mean of unit normals: of two faces 40 degrees apart


@dataclass(frozen=True, eq=False)
class PartSurface:
    """What the views of a scan measured of the part, piece by piece.

    Attributes:
        points: (C, 3) float64 the middle of each piece, mm.
        normals: (C, 3) float64 unit normals, towards the cameras.
        areas: (C,) mm2 of the surface in each piece.
    """

    points: Array
    normals: Array
    areas: Array

    @classmethod
    def of(cls, part: Mapping[str, ViewSurface], *, edge: float) -> PartSurface:
        """Cuts the smooth surface of a part into the cubes that it lies in.

        A piece has the area of the pixels that show it, the mean of the views that show all of it.

        Args:
            part: The views' surfaces by id, of the part alone.
            edge: Of a cube, mm.
        """
        points = [surface.points[surface.smooth] for surface in part.values()]
        normals = [surface.normals[surface.smooth] for surface in part.values()]
        places = Places.hashed(points, edge=edge)
        shown = [
            np.bincount(place, _pixel_areas(surface), places.count)
            for place, surface in zip(places.of, part.values(), strict=True)
        ]
        most = np.max(shown, axis=0) if shown else np.zeros(0)
        whole = [one > MOSTLY * most for one in shown]
        areas = np.sum([one * all_of for one, all_of in zip(shown, whole, strict=True)], axis=0)
        areas = areas / np.maximum(np.sum(whole, axis=0), 1)
        of = np.concatenate(places.of) if places.count else np.zeros(0, np.int64)
        middle, facing = (
            _means(np.concatenate(every).astype(np.float64), of, places.count)
            if places.count
            else np.zeros((0, 3))
            for every in (points, normals)
        )
        size = length(facing)
        # Of a sheet thinner than a cube both sides lie in it: no one normal is theirs.
        kept = size > 0.5
        return cls(middle[kept], facing[kept] / size[kept, None], areas[kept])

    @property
    def area(self) -> float:
        """mm2 of all pieces."""
        return float(self.areas.sum())

    def creased(self) -> PartSurface:
        """The pieces around which the surface turns as much as at an edge."""
        if not len(self.areas):
            return self
        edge = AROUND * float(np.sqrt(np.median(self.areas)))
        block = Places.hashed([self.points], edge=edge)
        (of,) = block.of
        creased = length(_means(self.normals, of, block.count))[of] < TURNS
        return PartSurface(self.points[creased], self.normals[creased], self.areas[creased])

    def drawn(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """(3,) a place and (3,) the normal there, every mm2 as probable as any other."""
        index = int(rng.choice(len(self.areas), p=self.areas / self.areas.sum()))
        return self.points[index], self.normals[index]


def _pixel_areas(surface: ViewSurface) -> Array:
    """(M,) mm2 of surface that each smooth pixel shows."""
    camera, smooth = surface.camera, surface.smooth
    across = surface.depth[smooth].astype(np.float64) ** 2 / (camera.K[0, 0] * camera.K[1, 1])
    return np.asarray(across / surface.cosine[smooth])


def _means(values: Array, of: Array, count: int) -> Array:
    total = np.stack([np.bincount(of, column, count) for column in values.T], axis=1)
    return np.asarray(total / np.maximum(np.bincount(of, minlength=count), 1)[:, None])
