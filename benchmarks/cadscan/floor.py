"""The sanity floor: trivial detectors that subtract the nominal scan, view by view."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from benchmarks.runs.files import write_json
from modmap.datasets import SiM3D
from modmap.metrics import instance_auroc
from modmap.scan import Frame, Scan

Array = npt.NDArray[Any]

FLOOR = "floor.json"
SMOOTHING = 0.003
DETECTORS = ("depth", "depth, smoothed", "image", "image, smoothed")


def measure_floor(data: Path, *, categories: Sequence[str] = ()) -> dict[str, dict[str, float]]:
    """Runs the trivial detectors on a set and writes `floor.json` into it; what it has of other categories stays.

    Each view of a test scan is compared with the same view of the real training scan, pixel by pixel: the poses are
    the same, so no other registration is made. A scan's score is the largest difference over its views and pixels,
    raw or smoothed over 0.3 % of the image's width.

    Args:
        data: The set.
        categories: Some of its categories; all of them by default.

    Returns:
        I-AUROC by measured category and detector.
    """
    dataset = SiM3D(data)
    floor: dict[str, dict[str, float]] = {}
    for category in categories or dataset.categories:
        nominal = {frame.id: frame for frame in dataset.train(category).frames()}
        tests = dataset.tests(category)
        scores = [
            _scores(scan, nominal)
            for scan in track(tests, description=f"floor: {category}", console=Console(stderr=True))
        ]
        labels = [bool(scan.anomalous) for scan in tests]
        floor[category] = {
            name: round(instance_auroc([score[name] for score in scores], labels), 4) for name in DETECTORS
        }
    merged = {**(read_floor(data) or {}), **floor}
    write_json(data / FLOOR, {name: merged[name] for name in dataset.categories if name in merged})
    return floor


def read_floor(data: Path) -> dict[str, dict[str, float]] | None:
    """The floor measured on the set's categories, or on those that have been, or None where it has not been at all."""
    path = data / FLOOR
    if not path.is_file():
        return None
    floor: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
    return floor


def difference_maps(frame: Frame, nominal: Frame) -> dict[str, Array]:
    """What the trivial detectors see in one view.

    Returns:
        (H, W) float32 by detector: depth in mm, image as a share of white; 0 where either scan has no depth (for
        the image: where neither has).
    """
    both = (frame.depth > 0) & (nominal.depth > 0)
    depth = np.where(both, np.abs(frame.depth - nominal.depth), 0).astype(np.float32)
    either = (frame.depth > 0) | (nominal.depth > 0)
    image = np.abs(frame.image.astype(np.float32) - nominal.image.astype(np.float32)) / 255
    image = np.where(either, image, 0).astype(np.float32)
    sigma = max(0.5, SMOOTHING * depth.shape[1])
    return {
        "depth": depth,
        "depth, smoothed": _smoothed(depth, both, sigma),
        "image": image,
        "image, smoothed": _smoothed(image, either, sigma),
    }


def _scores(scan: Scan, nominal: dict[str, Frame]) -> dict[str, float]:
    scores = dict.fromkeys(DETECTORS, 0.0)
    for frame in scan.frames():
        for name, difference in difference_maps(frame, nominal[frame.id]).items():
            scores[name] = max(scores[name], float(difference.max()))
    return scores


def _smoothed(difference: Array, valid: Array, sigma: float) -> Array:
    weight = cv2.GaussianBlur(valid.astype(np.float32), (0, 0), sigma)
    smooth: Array = np.where(valid, cv2.GaussianBlur(difference, (0, 0), sigma) / np.maximum(weight, 1e-3), 0)
    return smooth
