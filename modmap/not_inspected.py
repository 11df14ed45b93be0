"""Nominal surface that a scan says nothing of: where it would lie, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from modmap.types import Array

Omission = Literal["not measured", "not compared"]
OMISSIONS: tuple[Omission, ...] = ("not measured", "not compared")  # numbered from 1; 0 is inspected surface

Vector = tuple[float, float, float]


class OmittedRegion(BaseModel):
    """A connected piece of nominal surface that a scan says nothing of.

    Attributes:
        reason: Why.
        area_mm2: Of the surface.
        centre_mm: Its middle, in the scan's world.
        look_from: Unit vector off it, to where a camera would see it; null where the piece faces many ways.
        views: The views that show it in the nominal scan, the one that shows most of it first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    reason: Omission
    area_mm2: float = Field(ge=0)
    centre_mm: Vector
    look_from: Vector | None = None
    views: list[str] = []


class NotInspectedRecord(BaseModel):
    """How much of the nominal surface a scan says nothing of.

    Attributes:
        not_measured: Share of it that no view of the scan measured, or looked through, in [0, 1].
        not_compared: Share that was measured, but held against no place of the nominal scan: neither by geometry nor by
            appearance or texture.
        regions: The largest connected pieces, the largest first.
        motion: From the nominal scan's world to this one's, row by row.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    not_measured: float = Field(ge=0, le=1)
    not_compared: float = Field(ge=0, le=1)
    regions: list[OmittedRegion] = []
    motion: list[list[float]]


@dataclass(frozen=True, eq=False)
class NotInspected:
    """Nominal surface that a scan says nothing of, laid where it would lie.

    Attributes:
        points: (M, 3) float32 one point of each place of it, in the scan's world, mm.
        reasons: (M,) uint8 1 for *not measured*: no view measured the place or looked through it; 2 for *not compared*:
            measured, but neither geometry nor appearance nor texture says anything there.
        spacing: Edge of a place, mm.
        places: How many places the nominal surface has, inspected or not.
        motion: (4, 4) from the nominal scan's world to the scan's.
        regions: The largest connected pieces, the largest first.
    """

    points: Array
    reasons: Array
    spacing: float
    places: int
    motion: Array
    regions: tuple[OmittedRegion, ...] = ()

    def share(self, reason: Omission) -> float:
        """Share of the nominal surface, in [0, 1]."""
        found = np.count_nonzero(self.reasons == 1 + OMISSIONS.index(reason))
        return found / self.places if self.places else 0.0

    def record(self) -> NotInspectedRecord:
        """What is told of it in few words."""
        return NotInspectedRecord(
            not_measured=self.share("not measured"),
            not_compared=self.share("not compared"),
            regions=list(self.regions),
            motion=self.motion.tolist(),
        )
