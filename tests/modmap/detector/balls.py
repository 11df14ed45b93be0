"""Balls, whole and defective, for models that hold scans against nominal ones."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from modmap.result import Result
from modmap.scan import Scan
from modmap.types import EVIDENCE
from tests.synthetic_scans import ball_scan

WIDTH, HEIGHT = 160, 120
MIDDLE = (slice(52, 68), slice(72, 88))
# The pixels lie 1.5 mm apart: voxels of 3 mm leave no gaps between them.
SETTINGS = {"inference": {"voxel": 3.0}}
MAPS = ("image", "depth", *EVIDENCE, "combined")


def ball(name: str, *, dent: float = 0.0, stain: float = 1.0) -> Scan:
    """A ball; in the middle of view 01, what is measured is pushed in by `dent` mm, and `stain` times as bright."""
    scan = ball_scan(views=4, width=WIDTH, height=HEIGHT)
    image, depth = np.array(scan["01"].image), np.array(scan["01"].depth)
    image[MIDDLE] = (image[MIDDLE] * stain).astype(np.uint8)
    depth[MIDDLE] += np.float32(dent)
    changed = replace(scan["01"], image=image, depth=depth)
    views = tuple(changed if view.id == "01" else view for view in scan.views)
    return replace(scan, name=name, views=views)


def grained(name: str, seed: int, *, mark: bool = False) -> Scan:
    """A ball with a grain of its own on it, and in the middle of view 01 a mark like a grinding wheel's."""
    scan = ball(name)
    rng = np.random.default_rng(seed)
    views = []
    for view in scan.views:
        noise = cv2.GaussianBlur(rng.standard_normal((HEIGHT, WIDTH)), (0, 0), 1.0)
        image = np.asarray(view.image).astype(np.float64) + 8 * noise / noise.std()
        if mark and view.id == "01":
            image[MIDDLE] += 40 * np.sin(1.5 * np.arange(MIDDLE[1].stop - MIDDLE[1].start))
        views.append(replace(view, image=image.clip(0, 255).astype(np.uint8)))
    return replace(scan, views=tuple(views))


def assert_same(one: Result, other: Result) -> None:
    assert (one.score, one.notes, list(one.views)) == (other.score, other.notes, list(other.views))
    np.testing.assert_array_equal(one.require_volume().scores, other.require_volume().scores)
    for view_id in one.views:
        for name in MAPS:
            np.testing.assert_array_equal(one.map(view_id, name), other.map(view_id, name))  # type: ignore[arg-type]
        np.testing.assert_array_equal(one.views[view_id].deviation(), other.views[view_id].deviation())


def distance(result: Result, scan: Scan) -> float:
    """From the volume's largest score to what was changed, mm."""
    changed = np.zeros((HEIGHT, WIDTH), bool)
    changed[MIDDLE] = True
    volume = result.require_volume()
    worst = np.array([np.unravel_index(np.nanargmax(volume.scores), volume.scores.shape)])
    centre = volume.grid.centres(worst)
    places = np.concatenate([one["01"].load().points(changed) for one in (scan, ball("nominal"))])
    return float(np.linalg.norm(places - centre, axis=1).min())
