"""What one view shows of a part, as far as is asked before it is compared: how far it is, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from modmap.alignment.surface import ViewSurface, view_surface
from modmap.scan import Frame
from modmap.types import Array

LONGEST = 256  # pixels along the longer side that are looked at
CELLS = 24  # along each side of a view


@dataclass(frozen=True, eq=False)
class ViewShown:
    """One view's part.

    Attributes:
        frame: At most 256 pixels along the longer side, every so many of the view's, with depth of the part alone.
        depth: Median distance of the part, mm.
        cells: (24, 24) bool: which places of the view hold a pixel of the part.
    """

    frame: Frame
    depth: float
    cells: Array

    @classmethod
    def of(cls, frame: Frame, mask: Array) -> ViewShown:
        """Looks at a view.

        Args:
            frame: The view.
            mask: (H, W) bool, its part, at least one pixel.
        """
        step = -(-max(frame.shape) // LONGEST)
        if not mask[step // 2 :: step, step // 2 :: step].any():
            step = 1  # a part of a few pixels
        first = step // 2
        picked = (slice(first, None, step),) * 2
        depth = np.where(mask[picked], frame.depth[picked], 0).astype(np.float32)
        camera = frame.camera
        if camera is not None:
            K = np.array(camera.K)
            K[:2, 2] -= first
            K[:2] /= step
            camera = replace(camera, K=K, size=(depth.shape[1], depth.shape[0]))
        small = replace(frame, image=frame.image[picked], depth=depth, camera=camera, colour=None)
        return cls(small, float(np.median(depth[depth > 0])), cells_of(depth > 0))

    @property
    def id(self) -> str:
        """The view's name."""
        return self.frame.id

    @property
    def centre(self) -> Array | None:
        """(3,) the camera's place, mm; None without a camera."""
        return None if self.frame.camera is None else self.frame.camera.centre

    @cached_property
    def surface(self) -> ViewSurface:
        """Its surface; the view has a camera."""
        return view_surface(self.frame, self.frame.depth > 0)

    def area(self, mask: Array) -> float:
        """How much the pixels of a mask (H, W) show, mm2 across the line of sight; the view has a camera."""
        assert self.frame.camera is not None
        K = self.frame.camera.K
        return float((self.frame.depth[mask].astype(np.float64) ** 2).sum() / (K[0, 0] * K[1, 1]))

    @cached_property
    def points(self) -> Array:
        """(M, 3) places of the part, mm; the view has a camera."""
        return self.frame.points(self.frame.depth > 0)


def cells_of(mask: Array) -> Array:
    """(24, 24) bool: which places of a view hold a pixel of a mask (H, W)."""
    return np.asarray(cv2.resize(mask.astype(np.float32), (CELLS, CELLS), interpolation=cv2.INTER_AREA) > 0)
