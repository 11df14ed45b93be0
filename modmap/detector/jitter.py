"""The same scan again with its part lying a little differently: every view turned and shifted in its own plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import cv2
import numpy as np

from modmap.camera import Camera
from modmap.scan import Frame, Scan, View
from modmap.types import Array

FARTHEST = 1 / 64  # shift along either axis, as a share of the view's longer side
WIDEST = 1.5  # turn, degrees


def jittered(scan: Scan, *, seed: int) -> Scan:
    """A scan whose views are turned and shifted as they are loaded, each by its own random amount.

    Args:
        scan: The scan; its files are read anew.
        seed: Another seed, another jitter; the same seed, the same.
    """
    views = []
    for index, view in enumerate(scan.views):
        drawn = np.random.default_rng([seed, index]).uniform(-1, 1, 3)
        kept: dict[str, Any] = {field.name: getattr(view, field.name) for field in fields(View)}
        views.append(
            JitteredView(**kept, turn=WIDEST * drawn[0], shift=(FARTHEST * drawn[1], FARTHEST * drawn[2]))
        )
    return replace(scan, name=f"{scan.name}, jitter {seed}", views=views)


def jittered_copies(scans: Sequence[Scan], count: int, *, by_category: bool) -> list[Scan]:
    """Jittered copies of training scans, as evenly shared among them as may be.

    Args:
        scans: The training scans.
        count: How many copies.
        by_category: So many of each category.
    """
    classes: dict[str | None, list[Scan]] = {}
    for scan in scans:
        classes.setdefault(scan.category if by_category else None, []).append(scan)
    return [
        jittered(of_class[seed % len(of_class)], seed=seed)
        for of_class in classes.values()
        for seed in range(count)
    ]


@dataclass(frozen=True, eq=False)
class JitteredView(View):
    """A view that shows the same surface a little elsewhere.

    Attributes:
        turn: Degrees about the middle of the measured pixels.
        shift: To the right and down, as a share of the view's longer side.
    """

    turn: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)

    def load(self) -> Frame:
        """The frame: its pixels turned and shifted, and its camera with them, so that its points stay where they are.

        The camera is exact where it has the same focal length along both axes.

        Raises:
            ModMapError: as `View.load`.
        """
        frame = super().load()
        height, width = frame.shape
        rows, columns = np.nonzero(frame.depth)
        middle = (columns.mean(), rows.mean()) if len(rows) else ((width - 1) / 2, (height - 1) / 2)
        warp = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), self.turn, 1.0)
        warp[:, 2] += max(height, width) * np.array(self.shift)
        return replace(
            frame,
            image=cv2.warpAffine(frame.image, warp, (width, height), borderMode=cv2.BORDER_REFLECT),
            # No depth is made up between two that were measured.
            depth=cv2.warpAffine(frame.depth, warp, (width, height), flags=cv2.INTER_NEAREST),
            camera=None if frame.camera is None else _turned(frame.camera, warp),
        )


def _turned(camera: Camera, warp: Array) -> Camera:
    intrinsics, pose = camera.K.copy(), camera.T_world_to_camera.copy()
    intrinsics[:2, 2] = warp[:, :2] @ intrinsics[:2, 2] + warp[:, 2]
    pose[:2] = warp[:, :2] @ pose[:2]
    return replace(camera, K=intrinsics, T_world_to_camera=pose)
