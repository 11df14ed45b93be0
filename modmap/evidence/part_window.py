"""A view cut to its part and enlarged, as a network is shown it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor
from torch.nn import functional as F

from modmap.alignment.surface import ViewSurface
from modmap.encoding.cnn import STRIDES, cnn_maps
from modmap.evidence.appearance import BRIGHT
from modmap.evidence.smoothing import blurred
from modmap.scan import Frame
from modmap.types import Array

KINDS = ("image", "normals")
SIDE = 512  # pixels that the longer side of a nominal part's window is brought to
LARGEST_FACTOR = 4.0  # by which a view is enlarged at most
MARGIN = 16  # pixels around the part, enlarged
BRIGHTEST = 0.9  # to which a bright place of the part is brought
SMOOTHING = 1.0  # enlarged pixels: of the normals, whose noise is the sensor's
HOLES = 12  # enlarged pixels: half the width of the holes in the depth that are closed
RIM = 3.0  # pixels of a view 1024 wide: beside an edge or a hole no normal is known
COVERED = 0.01  # share of a patch that must be the part


@dataclass(frozen=True, eq=False)
class PartWindow:
    """A view cut to its part and enlarged, as the network is shown it.

    Attributes:
        gray: (H, W) float32 in [0, 1]; both sides multiples of the coarsest stride.
        normals: (H, W, 3) float32 in [0, 1], 0.5 where none is known.
        part: (H, W) float32 share of each pixel that is the part.
        to_view: (2, 3) from its pixel coordinates to the view's.
    """

    gray: Array
    normals: Array
    part: Array
    to_view: Array

    @classmethod
    def of(cls, frame: Frame, surface: ViewSurface, factor: float) -> PartWindow:
        """Cuts a view.

        Args:
            frame: The view, reduced.
            surface: Its surface without what the part lies on; something of the part must be there.
            factor: By which it is enlarged.
        """
        part = part_of(surface)
        rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
        first = np.array([columns[0], rows[0]], dtype=np.float64)
        last = np.array([columns[-1], rows[-1]], dtype=np.float64)
        coarsest = STRIDES[-1]
        size = np.ceil(((last - first + 1) * factor + 2 * MARGIN) / coarsest).astype(int) * coarsest
        middle = (first + last) / 2
        corner = middle - (size - 1) / (2 * factor)
        to_view = np.array([[1 / factor, 0, corner[0]], [0, 1 / factor, corner[1]]])
        camera_normals = surface.normals @ surface.camera.T_world_to_camera[:3, :3].T.astype(np.float32)
        bright = float(np.quantile(frame.image[part], BRIGHT))
        gray = np.minimum(frame.image.astype(np.float32) * np.float32(BRIGHTEST / max(bright, 1e-6)), 1)
        width, height = (int(one) for one in size)

        def cut(values: Array, *, border: int = cv2.BORDER_CONSTANT) -> Array:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            return np.asarray(
                cv2.warpAffine(values, to_view, (width, height), flags=flags, borderMode=border)
            )

        known = cut((surface.cosine > 0).astype(np.float32))
        held = cut(camera_normals * (surface.cosine > 0)[..., None])
        normals, fine = _mean(held, known, SMOOTHING), known > 0.5
        # Where glare leaves holes in the depth, the surface goes on: a hole isn't a feature.
        hole = (cv2.morphologyEx(fine.astype(np.uint8), cv2.MORPH_CLOSE, _disc(HOLES)) > 0) & ~fine
        normals[hole] = _mean(held, known, HOLES / 2)[hole]
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), np.float32(1e-6))
        normals[~(fine | hole)] = 0
        return cls(cut(gray, border=cv2.BORDER_REPLICATE), normals, cut(part.astype(np.float32)), to_view)

    def turned(self, share: float) -> PartWindow:
        """The same turned about the view's axis by a share of a whole turn; of no use to find a place in the view."""
        if not share:
            return self
        height, width = self.gray.shape
        side = -(-int(np.ceil(np.hypot(height, width))) // STRIDES[-1]) * STRIDES[-1]
        angle = 2 * np.pi * share
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        from_middle = np.array([width - 1, height - 1]) / 2 - turn @ np.full(2, (side - 1) / 2)
        back = np.concatenate([turn, from_middle[:, None]], axis=1)

        def cut(values: Array, *, border: int = cv2.BORDER_CONSTANT) -> Array:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            return np.asarray(cv2.warpAffine(values, back, (side, side), flags=flags, borderMode=border))

        normals = cut(self.normals)
        normals[..., :2] = normals[..., :2] @ turn.astype(np.float32)
        return PartWindow(cut(self.gray, border=cv2.BORDER_REPLICATE), normals, cut(self.part), self.to_view)

    @property
    def covered(self) -> Array:
        """(h, w) bool: patches of the finest stride that show the part."""
        size = self.gray.shape[1] // STRIDES[0], self.gray.shape[0] // STRIDES[0]
        return np.asarray(cv2.resize(self.part, size, interpolation=cv2.INTER_AREA) > COVERED)

    def seen(self) -> dict[str, list[Tensor]]:
        """By kind, for each stride (C, h, w) of the finest stride's size."""
        shown = {"image": self.gray, "normals": self.normals / 2 + np.float32(0.5)}
        return {kind: _seen(picture) for kind, picture in shown.items()}

    def on_view(self, scores: Array, surface: ViewSurface) -> Array:
        """(H, W) float32 the scores of patches (h, w) at the part's pixels of the view, NaN elsewhere."""
        known = np.isfinite(scores)
        stride = STRIDES[0]
        # From the view's pixels to patches: the middle of a patch lies half a patch from its corner.
        to_window = cv2.invertAffineTransform(self.to_view)
        to_patch = np.concatenate(
            [to_window[:, :2] / stride, (to_window[:, 2:] + 0.5) / stride - 0.5], axis=1
        )
        size = surface.depth.shape[1], surface.depth.shape[0]
        sums, weight = (
            cv2.warpAffine(
                one.astype(np.float32), to_patch, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            )
            for one in (np.where(known, scores, 0), known)
        )
        told = part_of(surface) & (weight > 0)
        return np.asarray(np.divide(sums, weight, out=np.full(told.shape, np.nan, np.float32), where=told))


def enlargement(surfaces: Mapping[str, ViewSurface]) -> float:
    """What brings the longer side of the part's window, in the view where it is longest, to `SIDE`."""
    longest = 1
    for surface in surfaces.values():
        part = part_of(surface)
        for axis in (0, 1):
            taken = np.flatnonzero(part.any(axis=axis))
            longest = max(longest, int(np.ptp(taken)) + 1 if len(taken) else 1)
    return min(SIDE / longest, LARGEST_FACTOR)


def part_of(surface: ViewSurface) -> Array:
    """(H, W) bool: what was measured of the part, and not of what it lies on, which has no normals left."""
    radius = max(round(RIM * surface.depth.shape[1] / 1024), 2)
    near = cv2.dilate((surface.cosine > 0).astype(np.uint8), _disc(radius))
    return np.asarray((near > 0) & (surface.depth > 0))


def _mean(values: Array, weight: Array, sigma: float) -> Array:
    """(H, W, 3) float32 mean of values, which are 0 where `weight` (H, W) is, under a Gaussian."""
    total = np.stack([blurred(np.ascontiguousarray(values[..., axis]), sigma) for axis in range(3)], axis=-1)
    return np.asarray(total / np.maximum(blurred(weight, sigma), np.float32(1e-3))[..., None])


def _disc(radius: int) -> Array:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2))


def _seen(picture: Array) -> list[Tensor]:
    maps = [F.avg_pool2d(one[None], 3, stride=1, padding=1) for one in cnn_maps(picture)]
    size = maps[0].shape[-2:]
    return [F.interpolate(one, size=size, mode="bilinear", align_corners=False)[0] for one in maps]
