"""The unit of stored depth: said by the user, or guessed from the values, never silently."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, WithJsonSchema

from modmap.errors import ModMapError
from modmap.files.images import check_depth, clean_depth, read_depth
from modmap.scan import Finding
from modmap.types import Array

NAMED_UNITS = {"mm": 1.0, "m": 1000.0, "0.1mm": 0.1}
METRES_BELOW = 20.0
METRES_BELOW_RATIO = 0.03
ENOUGH_PIXELS = 250_000
SMALLEST_UNIT, LARGEST_UNIT = 1e-6, 1e6  # mm: a nanometre, and a kilometre


def millimetres_per_unit(unit: Any) -> float:
    """Millimetres of "mm", "m", "0.1mm" or a positive number.

    Raises:
        ValueError: anything else.
    """
    if isinstance(unit, str) and unit in NAMED_UNITS:
        return NAMED_UNITS[unit]
    if (
        isinstance(unit, (int, float))
        and not isinstance(unit, bool)
        and SMALLEST_UNIT <= unit <= LARGEST_UNIT
    ):
        return float(unit)
    raise ValueError(
        'expected "mm", "m", "0.1mm" or a positive number of millimetres per unit, from '
        f"{SMALLEST_UNIT:g} to {LARGEST_UNIT:g}"
    )


UNIT_SCHEMA = {
    "anyOf": [
        {"enum": list(NAMED_UNITS)},
        {"type": "number", "minimum": SMALLEST_UNIT, "maximum": LARGEST_UNIT},
    ]
}
DepthUnit = Annotated[float, BeforeValidator(millimetres_per_unit), WithJsonSchema(UNIT_SCHEMA)]
"""Field of a pydantic model: written as a unit, read as millimetres per unit."""


def typical_depth(files: Iterable[Path], *, far_is_background: bool = False) -> tuple[float, Path] | None:
    """Median of the measured depth, in the stored unit, of the first file that has any, and that file.

    A damaged file is passed over here: it has its error where its view is loaded.
    """
    for file in files:
        try:
            measured = _measured(_every_few_pixels(file), far_is_background)
            # The few pixels may all be holes where the map is not.
            if not len(measured):
                measured = _measured(read_depth(file), far_is_background)
        except ModMapError:
            continue
        if len(measured):
            return float(np.median(measured)), file
    return None


def guess_depth_unit(typical: tuple[float, Path] | None) -> tuple[float, Finding]:
    """Millimetres per unit, from `typical_depth`: metres where the median is below 20, else millimetres."""
    if typical is None:
        return 1.0, Finding("guessed", "depth unit: millimetres; no map has any valid depth to guess it from")
    median, file = typical
    reason = f"because the median depth of {file.name} is {median:.4g}"
    if median < METRES_BELOW:
        return 1000.0, Finding("guessed", f"depth unit: metres, {reason}, below {METRES_BELOW:g}")
    return 1.0, Finding("guessed", f"depth unit: millimetres, {reason}, not below {METRES_BELOW:g}")


def guess_pose_unit(translations: Array, typical_depth_mm: float | None) -> tuple[float, Finding]:
    """Millimetres per unit of poses that don't say theirs.

    Cameras stand about as far from each other as from the part: where their spread is less than 3% of the depth in
    millimetres, it is in metres.

    Args:
        translations: (N, 3) the cameras' places.
        typical_depth_mm: Median depth of the scan, where there is any.
    """
    if typical_depth_mm is None:
        return 1000.0, Finding("guessed", "pose unit: metres; there is no depth to compare the poses with")
    spread = float(np.median(np.linalg.norm(translations - translations.mean(axis=0), axis=1)))
    what = "spread of the cameras"
    if spread == 0:
        spread, what = (
            float(np.median(np.linalg.norm(translations, axis=1))),
            "camera's distance from the origin",
        )
    reason = f"because the {what} is {spread:.4g} at a depth of {typical_depth_mm:.0f} mm"
    if spread < METRES_BELOW_RATIO * typical_depth_mm:
        return 1000.0, Finding("guessed", f"pose unit: metres, {reason}")
    return 1.0, Finding("guessed", f"pose unit: millimetres, {reason}")


def _measured(raw: Array, far_is_background: bool) -> Array:
    depth, _ = clean_depth(raw, far_is_background=far_is_background)
    return depth[depth > 0]


def _every_few_pixels(file: Path) -> Array:
    """Of a large `.npy` only what is needed is read from disk."""
    if file.suffix.lower() != ".npy":
        return read_depth(file)
    try:
        depth = np.load(file, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return read_depth(file)
    stride = max(1, math.isqrt(depth.size // ENOUGH_PIXELS))
    return (
        check_depth(np.array(depth[::stride, ::stride]), where=str(file))
        if depth.ndim == 2
        else read_depth(file)
    )
