"""The part of a view that encoders are shown: cut to where the nominal scans have the part, it gets finer tokens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from modmap.scan import Frame
from modmap.types import Array

MARGIN = 0.1  # of the longer side of the part's box, left on every side, as a part lies a little elsewhere each time


class Window(BaseModel):
    """A rectangle of a view, in shares of its height and width, so that it holds at any size of the image.

    Attributes:
        top: Of its first row.
        left: Of its first column.
        bottom: Of where it ends.
        right: Likewise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    top: float = Field(ge=0, lt=1)
    left: float = Field(ge=0, lt=1)
    bottom: float = Field(gt=0, le=1)
    right: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _not_empty(self) -> Window:
        if self.top >= self.bottom or self.left >= self.right:
            raise ValueError("expected a window that ends below and right of where it begins")
        return self

    @classmethod
    def around(cls, part: Array) -> Window:
        """The box of a part with a margin, as far as the view goes.

        Args:
            part: (H, W) bool, at least one pixel.
        """
        (height, width), ends = part.shape, []
        for axis in (1, 0):
            taken = np.flatnonzero(part.any(axis=axis))
            ends.append((int(taken[0]), int(taken[-1]) + 1))
        margin = MARGIN * max(last - first for first, last in ends)
        (top, bottom), (left, right) = (
            (max(first - margin, 0) / side, min(last + margin, side) / side)
            for (first, last), side in zip(ends, (height, width), strict=True)
        )
        return cls(top=top, left=left, bottom=bottom, right=right)

    def joined(self, other: Window) -> Window:
        """The smallest window that holds this one and another."""
        return Window(
            top=min(self.top, other.top),
            left=min(self.left, other.left),
            bottom=max(self.bottom, other.bottom),
            right=max(self.right, other.right),
        )

    def of(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Its rows and columns in a view of (height, width), at least one of each."""
        height, width = shape
        top, left = (min(int(one * side), side - 1) for one, side in ((self.top, height), (self.left, width)))
        bottom, right = round(self.bottom * height), round(self.right * width)
        return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))

    def cut(self, frame: Frame) -> Frame:
        """The view's pixels within, and its camera moved with them."""
        rows, columns = self.of(frame.shape)
        camera = frame.camera
        if camera is not None:
            moved = np.array([[1, 0, -columns.start], [0, 1, -rows.start], [0, 0, 1.0]])
            size = columns.stop - columns.start, rows.stop - rows.start
            camera = replace(camera, K=moved @ camera.K, size=size)
        return replace(
            frame,
            image=frame.image[rows, columns],
            depth=frame.depth[rows, columns],
            colour=None if frame.colour is None else frame.colour[rows, columns],
            camera=camera,
        )
