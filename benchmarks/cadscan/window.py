"""Pieces of images: where something in the world can change a view, by itself and by the shadows that it throws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.cadscan.sensor import Head, sky_step
from benchmarks.cadscan.stage import Stage
from modmap.scan import Camera

Array = npt.NDArray[Any]

PADDING = 16  # pixels: the blur of the image, the sky's light, and the texture around


@dataclass(frozen=True)
class Window:
    """The pixels of an image from (`left`, `top`) on, `width` by `height` of them."""

    left: int
    top: int
    width: int
    height: int

    def of_camera(self, camera: Camera) -> Camera:
        """The camera whose whole image is this piece."""
        K = camera.K.copy()
        K[:2, 2] -= (self.left, self.top)
        return replace(camera, K=K, size=(self.width, self.height))

    def of_image(self, image: Array) -> Array:
        """This piece of an image (H, W, ...)."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def widened(self, aspect: float, *, within: tuple[int, int]) -> Window:
        """The smallest window around this one that is `aspect` times as wide as high, cut to an image."""
        width, height = (
            max(self.width, round(self.height * aspect)),
            max(self.height, round(self.width / aspect)),
        )
        width, height = min(width, within[0]), min(height, within[1])
        left = int(np.clip(self.left - (width - self.width) // 2, 0, within[0] - width))
        top = int(np.clip(self.top - (height - self.height) // 2, 0, within[1] - height))
        return Window(left, top, width, height)


def window_around(box: Array, stage: Stage, camera: Camera, *, head: Head) -> Window | None:
    """The piece of a view that what lies in a box can change, or None where it can change nothing.

    It has the box, and the surface that the box stands before as the projector or the second camera sees it, found on
    a grid of pixels. The light of the hall that the box shuts off elsewhere is left out.

    Args:
        box: (2, 3) lowest and highest corner, world frame, mm.
        stage: What stands before the camera.
        camera: Where it really is.
        head: Where projector and second camera are.
    """
    assert camera.size is not None
    size, step = np.array(camera.size), sky_step(camera)
    corners, depth = camera.project(np.array(list(product(*box.T))))
    places = [*corners[depth > 0], *_shaded(box, stage, camera, head, step)]
    if not places:
        return None
    low = np.floor(np.min(places, axis=0) - PADDING).clip(0) // step * step
    high = np.minimum(np.ceil(np.max(places, axis=0) + PADDING + 1), size)
    if (high - low < 2).any():
        return None
    left, top, width, height = (int(n) for n in (*low, *(high - low)))
    return Window(left, top, width, height)


def _shaded(box: Array, stage: Stage, camera: Camera, head: Head, step: int) -> list[Array]:
    """Lowest and highest pixel of a grid whose surface the box can stand before; nothing where there is none."""
    assert camera.size is not None
    width, height = camera.size
    v, u = np.mgrid[0:height:step, 0:width:step].reshape(2, -1)
    pixels = np.stack([u, v], axis=1)
    ends = camera.back_project(pixels, np.ones(len(pixels)))
    t = stage.caster.cast(camera.centre, ends - camera.centre).t
    hit = np.isfinite(t)
    points = camera.back_project(pixels[hit], t[hit])
    pitch = step * head.distance / float(camera.K[0, 0])
    wider = np.stack([box[0] - pitch, box[1] + pitch])  # no shadow may lie between two pixels of the grid
    pose = camera.T_camera_to_world
    before = np.zeros(len(points), bool)
    for place in (head.projector, head.second_camera):
        before |= _crosses(wider, points, pose[:3, :3] @ place + pose[:3, 3])
    shaded = pixels[hit][before]
    return [shaded.min(axis=0) - step, shaded.max(axis=0) + step] if len(shaded) else []


def _crosses(box: Array, starts: Array, end: Array) -> Array:
    """(M,) whether the straight lines from (M, 3) places to one go through a box."""
    way = end - starts
    way = np.where(np.abs(way) < 1e-9, 1e-9, way)
    first, second = (box[0] - starts) / way, (box[1] - starts) / way
    enters = np.minimum(first, second).max(axis=1).clip(min=0)
    crosses: Array = enters <= np.maximum(first, second).min(axis=1).clip(max=1)
    return crosses
