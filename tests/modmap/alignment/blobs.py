"""A part of balls, seen by cameras around it: its depth in closed form, wherever it lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.alignment.motion import inverse
from modmap.alignment.surface import ViewSurface, view_surface
from modmap.camera import Camera
from modmap.scan import Frame
from tests.synthetic_scans import ball_depth, intrinsics, look_at, plane_depth

Array = npt.NDArray[Any]

WIDTH, HEIGHT = 200, 150
# No two balls are alike, and no turn lays the part on itself.
BALLS: tuple[tuple[tuple[float, float, float], float], ...] = (
    ((0.0, 0.0, 0.0), 30.0),
    ((32.0, 5.0, 10.0), 14.0),
    ((-20.0, 28.0, 4.0), 18.0),
    ((-6.0, -34.0, 12.0), 11.0),
    ((8.0, 6.0, 30.0), 12.0),
)


def ring(views: int, *, elevation: float = 40.0, distance: float = 300.0) -> list[Camera]:
    """Cameras around the part that look at it from above."""
    cameras = []
    for angle in np.arange(views) * 2 * np.pi / views:
        up = np.radians(elevation)
        place = distance * np.array([np.cos(up) * np.cos(angle), np.cos(up) * np.sin(angle), np.sin(up)])
        pose = look_at(place, np.zeros(3))
        cameras.append(Camera(intrinsics(WIDTH, HEIGHT, focal=350.0), pose, size=(WIDTH, HEIGHT)))
    return cameras


def overhead() -> Camera:
    """One camera straight above."""
    pose = look_at(np.array([0, 0, 300.0]), np.zeros(3), up=(0, 1, 0))
    return Camera(intrinsics(WIDTH, HEIGHT, focal=350.0), pose, size=(WIDTH, HEIGHT))


def painted(
    cameras: Sequence[Camera],
    *,
    motion: Array | None = None,
    without: int | None = None,
    dtype: str = "uint8",
    balls: Sequence[tuple[tuple[float, float, float], float]] = BALLS,
) -> tuple[dict[str, Frame], dict[str, ViewSurface]]:
    """The part in every view, painted with waves that it carries along, and its surface.

    Args:
        cameras: The cameras.
        motion: As in `surfaces`.
        without: As in `surfaces`.
        dtype: Of the images.
        balls: As in `surfaces`.
    """
    found = surfaces(cameras, motion=motion, without=without, balls=balls)
    back = np.eye(4) if motion is None else inverse(motion)
    frames = {}
    for view_id, surface in found.items():
        own = surface.points @ back[:3, :3].T + back[:3, 3]
        paint = 120 + 50 * np.sin(own[..., 0] / 4) + 40 * np.cos(own[..., 1] / 3)
        image = np.where(surface.depth > 0, paint, 20) * (257 if dtype == "uint16" else 1)
        frames[view_id] = Frame(view_id, image.astype(dtype), surface.depth, surface.camera)
    return frames, found


def surfaces(
    cameras: Sequence[Camera],
    *,
    motion: Array | None = None,
    without: int | None = None,
    noise: float = 0.0,
    table: float | None = None,
    balls: Sequence[tuple[tuple[float, float, float], float]] = BALLS,
) -> dict[str, ViewSurface]:
    """The part's surface in every view.

    Args:
        cameras: The cameras.
        motion: (4, 4) that carries the part from where it lies at first.
        without: A ball that is missing.
        noise: Standard deviation of the depth, mm.
        table: z of a plane that stays where it is, measured too.
        balls: Centres and radii.
    """
    found = {}
    rng = np.random.default_rng(0)
    for index, camera in enumerate(cameras):
        depth = np.full((HEIGHT, WIDTH), np.inf, dtype=np.float32)
        for number, (centre, radius) in enumerate(balls):
            if number == without:
                continue
            place = np.array(centre) if motion is None else motion[:3, :3] @ centre + motion[:3, 3]
            one = ball_depth(camera, WIDTH, HEIGHT, centre=place, radius=radius)
            depth = np.where(one > 0, np.minimum(depth, one), depth)
        if table is not None:
            one = plane_depth(camera, WIDTH, HEIGHT, normal=np.array([0, 0, 1.0]), offset=table)
            depth = np.where(one > 0, np.minimum(depth, one), depth)
        depth = np.where(np.isfinite(depth), depth, 0)
        noisy = np.where(depth > 0, depth + noise * rng.standard_normal(depth.shape), 0).astype(np.float32)
        frame = Frame(f"{index:02d}", np.zeros((HEIGHT, WIDTH), np.uint8), noisy, camera)
        found[frame.id] = view_surface(frame, noisy > 0)
    return found
