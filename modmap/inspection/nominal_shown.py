"""What the nominal scan shows: the distances, the viewpoints and the surface that new scans are asked for."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator
from scipy import ndimage

from modmap.alignment.support import without_support
from modmap.inspection.view_shown import CELLS, ViewShown, cells_of
from modmap.types import Array

ALONG = 24  # cells along the part's longest side
MOST_CELLS = 2**24
SMALLEST_EDGE = 1e-6  # mm
NEIGHBOURS = np.ones((3, 3, 3), dtype=bool)

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Place = tuple[float, float, float]


def _unpacked(entry: Any) -> Array:
    if isinstance(entry, np.ndarray):
        return entry
    try:
        shape = tuple(int(side) for side in entry["shape"])
        bits = np.frombuffer(base64.b64decode(entry["bits"], validate=True), np.uint8)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise ValueError("expected the shape and the bits of cells") from None
    if len(shape) != 3 or min(shape) < 1 or math.prod(shape) > MOST_CELLS:
        raise ValueError(f"expected three sides of cells, found {list(shape)}")
    if len(bits) != -(-math.prod(shape) // 8):
        raise ValueError(f"expected {-(-math.prod(shape) // 8)} bytes of bits, found {len(bits)}")
    return np.unpackbits(bits, count=math.prod(shape)).reshape(shape).astype(bool)


def _packed(cells: Array) -> dict[str, Any]:
    return {"shape": list(cells.shape), "bits": base64.b64encode(np.packbits(cells).tobytes()).decode()}


Cells = Annotated[Array, BeforeValidator(_unpacked), PlainSerializer(_packed, return_type=dict)]


class NominalShown(BaseModel):
    """What the nominal scan of a class shows.

    Attributes:
        depths: By view the median distance of the part, mm.
        centres: By view the camera's place, mm; views without a camera are left out.
        areas: By view how much of the part it shows, mm2 across its line of sight; 1 where a view has no camera.
        pixels: (N, 24, 24) bool: which places of each view, in the order of `depths`, hold a pixel of the part.
        surface: (X, Y, Z) bool: which cells of the world hold its surface; None where a view has no camera. This and
            `pixels` are without what the part lies on, where cameras tell.
        edge: Of a cell, mm.
        first: The lattice's cell at the lower corner, in edges from the world's origin.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False)

    depths: dict[str, Positive] = Field(min_length=1)
    centres: dict[str, Place] = {}
    areas: dict[str, NotNegative]
    pixels: Cells
    surface: Cells | None = None
    edge: Positive = 1.0
    first: tuple[int, int, int] = (0, 0, 0)

    @model_validator(mode="after")
    def _fits(self) -> NominalShown:
        if self.pixels.shape != (len(self.depths), CELLS, CELLS):
            raise ValueError(f"expected {CELLS} x {CELLS} places of each view, found {self.pixels.shape}")
        if self.areas.keys() != self.depths.keys() or not self.centres.keys() <= self.depths.keys():
            raise ValueError("expected the areas of the views that have a depth, and places of no others")
        if not self.pixels.any() or (self.surface is not None and not self.surface.any()):
            raise ValueError("expected a place with something in it, found none")
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NominalShown) and self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def of(cls, views: Sequence[ViewShown]) -> NominalShown:
        """What the views of a scan show, at least one."""
        depths = {view.id: view.depth for view in views}
        centres = {view.id: _place(view.centre) for view in views if view.centre is not None}
        if len(centres) < len(views):
            pixels = np.stack([view.cells for view in views])
            return cls(depths=depths, centres=centres, pixels=pixels, areas=dict.fromkeys(depths, 1.0))
        part = _part(views)
        points = np.concatenate([view.surface.points[mask] for view, mask in zip(views, part, strict=True)])
        low, high = points.min(axis=0), points.max(axis=0)
        edge = max(float((high - low).max()) / ALONG, SMALLEST_EDGE)
        first = np.floor(low / edge).astype(np.int64)
        index = np.floor(points / edge).astype(np.int64) - first
        surface = np.zeros(index.max(axis=0) + 1, dtype=bool)
        surface[tuple(index.T)] = True
        x, y, z = map(int, first)
        return cls(
            depths=depths,
            centres=centres,
            areas={view.id: view.area(mask) for view, mask in zip(views, part, strict=True)},
            pixels=np.stack([cells_of(mask) for mask in part]),
            surface=surface,
            edge=edge,
            first=(x, y, z),
        )

    @property
    def area(self) -> float:
        """Of the part in all views, mm2; their number where there is one without a camera."""
        return sum(self.areas.values())

    def covered(self, views: Mapping[str, ViewShown]) -> float:
        """Share of the nominal part that a scan shows where it lies, give or take a cell, in [0, 1].

        Of the surface, by all views together, or of what the scan's views show of it each, whichever is less: that much
        of the surface is looked at from elsewhere is no reason to have it looked at from nowhere else. Where a view has
        no camera, of what all views show of the nominal part.
        """
        seen = np.zeros_like(self.pixels)
        given = np.array([name in views for name in self.depths])
        for place, name in enumerate(self.depths):
            if name in views:
                seen[place] = views[name].cells
        around = ndimage.binary_dilation(seen, NEIGHBOURS[1:2])
        if self.surface is None or any(view.centre is None for view in views.values()):
            return float(around[self.pixels].mean())
        each = around[given][self.pixels[given]]
        points = [np.zeros((0, 3)), *(view.points for view in views.values())]
        steps = np.floor(np.concatenate(points) / self.edge) - self.first
        inside = ((steps >= -1) & (steps <= self.surface.shape)).all(axis=1)
        index = steps[inside].astype(np.int64) + 1
        filled = np.zeros(np.add(self.surface.shape, 2), dtype=bool)
        filled[tuple(index.T)] = True
        together = ndimage.binary_dilation(filled, NEIGHBOURS)[1:-1, 1:-1, 1:-1][self.surface]
        return float(min(together.mean(), each.mean() if len(each) else 0.0))

    def amount(self, views: Mapping[str, ViewShown]) -> float:
        """How much of a part a scan shows, wherever it lies, as a share of what the nominal one shows; in [0, 1].

        Of the surface, by all views together, or of what the scan's views show each, whichever is less.

        Args:
            views: With cameras.
        """
        common = [view for name, view in views.items() if name in self.depths]
        if self.surface is None or not common:
            return 0.0
        part = _part(common)
        points = np.concatenate([view.surface.points[mask] for view, mask in zip(common, part, strict=True)])
        together = len(np.unique(np.floor(points / self.edge), axis=0)) / np.count_nonzero(self.surface)
        each = sum(view.area(mask) for view, mask in zip(common, part, strict=True))
        return float(min(together, each / sum(self.areas[view.id] for view in common), 1.0))


def _place(centre: Array) -> Place:
    x, y, z = map(float, centre)
    return x, y, z


def _part(views: Sequence[ViewShown]) -> list[Array]:
    """(H, W) bool of each view: the part's smooth surface, without what it lies on; else all that is measured."""
    surfaces, _ = without_support({view.id: view.surface for view in views})
    masks = [surfaces[view.id].cosine > 0 for view in views]
    return masks if any(mask.any() for mask in masks) else [view.frame.depth > 0 for view in views]
