"""Boxes on a table, seen by cameras: their depth in closed form, wherever they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.alignment.surface import ViewSurface, view_surface
from modmap.camera import Camera
from modmap.scan import Frame
from tests.modmap.alignment.blobs import HEIGHT, WIDTH
from tests.synthetic_scans import plane_depth, rays

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Box:
    """A box along the axes, carried by a motion, with a square of its top pushed in.

    Attributes:
        low: Its corner with the smallest coordinates, before the motion.
        high: The opposite one.
        motion: (4, 4) that carries it; None leaves it.
        dent: x, y and half side of the square, and how deep it is, mm.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    motion: Array | None = None
    dent: tuple[float, float, float, float] | None = None


def box_depth(camera: Camera, box: Box) -> Array:
    """(H, W) planar depth; infinite beside it. The ray is in a box where it is between all three pairs of planes."""
    pose = np.eye(4) if box.motion is None else box.motion
    origin, directions = rays(camera, WIDTH, HEIGHT)
    origin, directions = (origin - pose[:3, 3]) @ pose[:3, :3], directions @ pose[:3, :3]
    with np.errstate(divide="ignore", invalid="ignore"):
        to_low, to_high = ((np.array(corner) - origin) / directions for corner in (box.low, box.high))
    enters, leaves = np.minimum(to_low, to_high).max(axis=2), np.maximum(to_low, to_high).min(axis=2)
    depth = np.where((enters <= leaves) & (leaves > 0), enters, np.inf)
    if box.dent is not None:
        x, y, half, deep = box.dent
        on_top = np.isfinite(depth) & (
            np.abs((origin + depth[..., None] * directions)[..., 2] - box.high[2]) < 1e-6
        )
        lower = (box.high[2] - deep - origin[2]) / directions[..., 2]
        place = origin + lower[..., None] * directions
        inside = (np.abs(place[..., :2] - (x, y)) < half).all(axis=2)
        depth = np.where(on_top & inside, lower, depth)
    return depth


def box_surfaces(
    cameras: Sequence[Camera],
    boxes: Sequence[Box],
    *,
    table: float | None = None,
    stood: Sequence[Camera] | None = None,
    noise: float = 0.0,
) -> dict[str, ViewSurface]:
    """The surface of boxes in every view, on a table at z that is measured too.

    Args:
        cameras: As the calibration has them.
        boxes: What is seen.
        table: z of the table; None: there is none.
        stood: Where the cameras really stood; None: where the calibration has them.
        noise: Of the depth, mm.
    """
    found = {}
    rng = np.random.default_rng(0)
    for index, (camera, known) in enumerate(zip(stood or cameras, cameras, strict=True)):
        depth = np.full((HEIGHT, WIDTH), np.inf)
        for box in boxes:
            depth = np.minimum(depth, box_depth(camera, box))
        if table is not None:
            plane = plane_depth(camera, WIDTH, HEIGHT, normal=np.array([0, 0, 1.0]), offset=table)
            depth = np.where(plane > 0, np.minimum(depth, plane), depth)
        depth = np.where(np.isfinite(depth), depth + rng.normal(0, noise, depth.shape), 0)
        frame = Frame(f"{index:02d}", np.zeros((HEIGHT, WIDTH), np.uint8), depth.astype(np.float32), known)
        found[frame.id] = view_surface(frame, depth > 0)
    return found
