"""A new view on the nominal view's pixels: what a method that compares pixels, and knows no motion, needs."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from scipy import ndimage

from modmap.alignment.motion import inverse, moved
from modmap.alignment.surface import WHOLE, ViewSurface
from modmap.scan import Frame
from modmap.types import Array


def on_nominal_pixels(
    nominal: Mapping[str, ViewSurface],
    frames: Mapping[str, Frame],
    surfaces: Mapping[str, ViewSurface],
    motion: Array,
) -> dict[str, Frame]:
    """New views as the nominal cameras would show them, had the part lain where the nominal one lay.

    Where the nominal view has no depth, the image is shifted as beside the nearest place that has.

    Args:
        nominal: The nominal views' surfaces, by id.
        frames: The new views, by id; those that the nominal scan lacks, or that it saw no part in, are left out.
        surfaces: Their surfaces, by id.
        motion: (4, 4) from the new scan's world to the nominal one's.

    Returns:
        By view id a frame of the nominal view's size and camera, gray.
    """
    found = {}
    for view_id, frame in frames.items():
        if view_id in nominal and (nominal[view_id].depth > 0).any():
            found[view_id] = _warped(nominal[view_id], frame, surfaces[view_id], motion)
    return found


def _warped(nominal: ViewSurface, frame: Frame, surface: ViewSurface, motion: Array) -> Frame:
    place = _places(nominal, surface, motion)
    column, row = place[..., 0], place[..., 1]
    image = np.asarray(cv2.remap(frame.image, column, row, cv2.INTER_LINEAR))
    measured = surface.depth > 0
    depth = np.zeros(measured.shape, dtype=np.float32)
    to_camera = nominal.camera.T_world_to_camera @ motion
    depth[measured] = np.maximum(moved(to_camera, surface.points[measured].astype(np.float64))[:, 2], 0)
    # Between pixels of one surface, not across a jump or into a hole.
    whole = cv2.remap(surface.smooth.astype(np.float32), column, row, cv2.INTER_LINEAR) > WHOLE
    between, nearest = (cv2.remap(depth, column, row, how) for how in (cv2.INTER_LINEAR, cv2.INTER_NEAREST))
    depth = np.where(whole, between, nearest)
    return Frame(frame.id, image, depth, nominal.camera, frame.notes)


def _places(nominal: ViewSurface, surface: ViewSurface, motion: Array) -> Array:
    """(H, W, 2) float32: where in the new view (u, v) what each nominal pixel shows is to be seen."""
    part = nominal.depth > 0
    uv, _ = surface.camera.project(moved(inverse(motion), nominal.points[part].astype(np.float64)))
    rows, columns = np.mgrid[: part.shape[0], : part.shape[1]].astype(np.float32)
    own = np.stack([columns, rows], axis=-1)
    shift = np.full(own.shape, np.nan, dtype=np.float32)
    shift[part] = uv - own[part]
    known = np.isfinite(shift).all(axis=-1)
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(own + shift[tuple(nearest)], dtype=np.float32)
