"""A ball with a cap pushed in by a known depth, in closed form, wherever it lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.alignment.surface import ViewSurface, view_surface
from modmap.camera import Camera
from modmap.scan import Frame
from tests.modmap.alignment.blobs import HEIGHT, WIDTH
from tests.synthetic_scans import ball_depth, rays

Array = npt.NDArray[Any]
RADIUS = 60.0


def dented(
    cameras: Sequence[Camera],
    *,
    depth: float,
    towards: Array,
    cosine: float = 0.9,
    motion: Array | None = None,
) -> dict[str, ViewSurface]:
    """The surface of a ball of 60 mm at the origin in every view.

    Args:
        cameras: The cameras.
        depth: How far the cap is pushed in, mm; negative where it stands out.
        towards: (3,) unit vector to the cap's middle.
        cosine: Of the angle between the cap's middle and its border.
        motion: (4, 4) that carries the ball.
    """
    pose = np.eye(4) if motion is None else motion
    found = {}
    for index, camera in enumerate(cameras):
        whole = ball_depth(camera, WIDTH, HEIGHT, centre=pose[:3, 3], radius=RADIUS)
        pushed = ball_depth(camera, WIDTH, HEIGHT, centre=pose[:3, 3], radius=RADIUS - depth)
        origin, directions = rays(camera, WIDTH, HEIGHT)
        outward = (origin + whole[..., None] * directions - pose[:3, 3]) / RADIUS
        in_cap = (whole > 0) & (outward @ (pose[:3, :3] @ towards) > cosine)
        frame = Frame(
            f"{index:02d}", np.zeros((HEIGHT, WIDTH), np.uint8), np.where(in_cap, pushed, whole), camera
        )
        found[frame.id] = view_surface(frame, frame.depth > 0)
    return found
