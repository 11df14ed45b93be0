"""What is known of one defect."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Vector = tuple[float, float, float]
Length = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Pixel = Annotated[int, Field(ge=0)]
Modality = Literal["image", "depth", "both", "geometry", "appearance", "texture", "memory"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class OrientedBox(_Record):
    """A box that may stand askew.

    Attributes:
        centre_mm: In the part's frame.
        size_mm: Edges, longest first.
        axes: The edges' directions, unit vectors of a right-handed frame, in the order of `size_mm`.
    """

    centre_mm: Vector
    size_mm: tuple[Length, Length, Length]
    axes: tuple[Vector, Vector, Vector]

    def corners(self) -> list[Vector]:
        """The eight corners, mm; the bits of a corner's place say on which side of each axis it is."""
        return [self._corner(place) for place in range(8)]

    def _corner(self, place: int) -> Vector:
        x, y, z = (
            self.centre_mm[axis]
            + sum(
                (0.5 if place >> edge & 1 else -0.5) * self.size_mm[edge] * self.axes[edge][axis]
                for edge in range(3)
            )
            for axis in range(3)
        )
        return x, y, z


class DefectView(_Record):
    """A view that shows a defect.

    Attributes:
        view: Its name.
        box: Left, top, right, bottom of the pixels that show the defect, the last two included.
        seen: Share of the defect's voxels that the view sees, in (0, 1].
        peak: The largest score of those pixels.
    """

    view: str
    box: tuple[Pixel, Pixel, Pixel, Pixel]
    seen: float = Field(gt=0, le=1)
    peak: float


class Defect(_Record):
    """One connected region of the volume that scores too high for a good part.

    Attributes:
        index: From 1, the largest peak first.
        centre_mm: The mean of its voxels' centres, in the part's frame.
        box: The smallest box found around its voxels.
        area_mm2: Of the part's surface in it; an estimate, from its voxels and the surface's slope.
        depth_mm: How far the surface lies from the nominal part's along the normal, where it is farthest: negative for
            missing material, positive for too much. None without a nominal scan, or where depth doesn't show it.
        voxels: How many it has.
        peak: Its largest score.
        mean: Its voxels' mean score.
        modality: What speaks for it: a kind of evidence, as `geometry`, where that scores highest; else which of the
            mapping's maps exceed the voxel threshold in it, the larger one where only their aggregate does.
        image_peak: The largest score of the image maps in it; None where these say nothing.
        depth_peak: The same of the depth maps.
        geometry_peak: The same of geometry.
        appearance_peak: The same of appearance.
        texture_peak: The same of texture.
        memory_peak: The same of memory.
        views: The views that see it, the best first: by `seen` times `peak`, then by pixels. Of missing surface,
            where nothing was measured, those that look through it.
    """

    index: Count
    centre_mm: Vector
    box: OrientedBox
    area_mm2: Length
    depth_mm: float | None
    voxels: Count
    peak: float
    mean: float
    modality: Modality | None
    image_peak: float | None
    depth_peak: float | None
    views: tuple[DefectView, ...]
    geometry_peak: float | None = None
    appearance_peak: float | None = None
    texture_peak: float | None = None
    memory_peak: float | None = None
