"""Pictures to look at: the scans of a set and its defects, with and without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.cadscan.defect_sheets import kinds_sheet, planted_sheet, tile
from benchmarks.cadscan.errors import CadscanError
from modmap.datasets import SiM3D, read_ground_truth
from modmap.scan import Frame, Scan

Array = npt.NDArray[Any]

VIEWS_SHOWN = 6


class SheetError(CadscanError):
    """A picture that cannot be drawn."""


def draw_sheets(data: Path, out: Path, *, planted: int = 2, kinds: bool = True) -> Iterator[Path]:
    """Draws the sheets of a set.

    Args:
        data: The set.
        out: Where the pictures go.
        planted: Of how many anomalous scans of each category the defects are drawn, with and without.
        kinds: Draw every kind of defect at three sizes too; that sheet does not depend on the set.

    Yields:
        The path of each picture, once it is written.

    Raises:
        SheetError: a category has no anomalous scan.
        SettingsError: the directory has no settings of a set.
    """
    out.mkdir(parents=True, exist_ok=True)
    dataset = SiM3D(data)
    for category in dataset.categories:
        anomalous = [scan for scan in dataset.tests(category) if scan.anomalous]
        if not anomalous:
            raise SheetError(f"{data / category}: expected an anomalous test scan, found none")
        sheet = contact_sheet(
            dataset.train(category, "real"), rendered=dataset.train(category, "synth"), anomalous=anomalous[0]
        )
        yield _written(out / f"{category}.png", sheet)
        if planted:
            yield _written(out / f"{category}_defects.png", planted_sheet(data, category, scans=planted))
    if kinds:
        yield _written(out / "kinds.png", kinds_sheet())


def contact_sheet(real: Scan, *, rendered: Scan, anomalous: Scan) -> Array:
    """(H, W, 3) views in columns; in rows: real image and depth, rendered image and depth, anomalous image, depth,
    and its ground truth over the image."""
    step = max(1, len(real) // VIEWS_SHOWN)
    columns = []
    for index in range(0, len(real), step):
        nominal, render, test = (scan.views[index].load() for scan in (real, rendered, anomalous))
        tiles = [nominal.image, depth_picture(nominal.depth), render.image, depth_picture(render.depth)]
        tiles += [test.image, depth_picture(test.depth), truth_picture(test, anomalous)]
        columns.append(np.vstack([tile(one) for one in tiles]))
    return np.hstack(columns)


def depth_picture(depth: Array) -> Array:
    """(H, W, 3) near is bright, not measured is black; the scale is this map's."""
    measured = depth[depth > 0]
    if not len(measured):
        return np.zeros((*depth.shape, 3), np.uint8)
    near, far = np.percentile(measured, [1, 99])
    level = np.clip(255 * (far - depth) / max(far - near, 1e-6), 0, 255).astype(np.uint8)
    picture = cv2.applyColorMap(level, cv2.COLORMAP_VIRIDIS)
    picture[depth <= 0] = 0
    return np.asarray(picture)


def truth_picture(frame: Frame, scan: Scan) -> Array:
    """(H, W, 3) the image with the defect voxels that nothing hides in red."""
    picture = cv2.cvtColor(frame.image, cv2.COLOR_GRAY2BGR)
    if scan.ground_truth is None or frame.camera is None:
        return np.asarray(picture)
    truth = read_ground_truth(scan.ground_truth)
    centres = (np.argwhere(truth.mask) + 0.5) * truth.voxel + truth.origin
    uv, z = frame.camera.project(centres)
    for (u, v), distance in zip(uv, z, strict=True):
        radius = max(1, round(0.5 * truth.voxel * frame.camera.K[0, 0] / distance))
        if not (0 <= u < frame.image.shape[1] and 0 <= v < frame.image.shape[0]):
            continue
        before = frame.depth[
            round(v) - (round(v) == frame.depth.shape[0]), round(u) - (round(u) == frame.depth.shape[1])
        ]
        if before == 0 or distance < before + 2 * truth.voxel:
            cv2.circle(picture, (round(u), round(v)), radius, (40, 40, 255), -1)
    return np.asarray(picture)


def _written(path: Path, picture: Array) -> Path:
    cv2.imwrite(str(path), picture)
    return path
