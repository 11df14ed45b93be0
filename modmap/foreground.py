"""Which pixels are the part: background is filtered out by depth (Sec. 3.2.3)."""

from __future__ import annotations

import cv2
import numpy as np

from modmap.types import DEFAULT_FOREGROUND, Array, ForegroundMode

SPECK_SHARE = 0.01

OPENING = np.ones((3, 3), np.uint8)
DOTTED_SHARE = 0.5
DOTTED_CLOSING = np.ones((9, 9), np.uint8)
REACH = 16  # pixels: more than all of these together


def foreground_mask(
    depth: Array, *, mode: ForegroundMode = DEFAULT_FOREGROUND
) -> tuple[Array, tuple[str, ...]]:
    """Finds the part in a depth map.

    `components` opens the measured pixels with a 3x3 square, so that threads of stray measurements break, and drops
    8-connected components that are smaller than a hundredth of the largest. A part is seldom one component: what
    hides a piece of it from the sensor parts a hub from its rim, and a nut from its plate. `largest_component` keeps
    the largest alone. Sensors that leave a regular pattern of holes would lose everything to the opening: where it
    takes more than half of the measured pixels, they are closed with a 9x9 square first, and a note says so. Only
    measured pixels are ever kept.

    Args:
        depth: (H, W) depth in mm, 0 where nothing was measured.
        mode: `components`, `largest_component`, or `valid` for every measured pixel.

    Returns:
        (H, W) bool, and what was done beyond the rule, one line each.
    """
    measured = depth > 0
    if mode == "valid" or not measured.any():
        return measured, ()
    box = tuple(_around(np.asarray(measured.any(axis=axis))) for axis in (1, 0))
    part = np.zeros_like(measured)
    part[box], notes = _part(measured[box].astype(np.uint8), mode)
    return part, notes


def _around(taken: Array) -> slice:
    """From the first to the last that is taken, and farther than the openings and closings reach."""
    first, last = np.flatnonzero(taken)[[0, -1]]
    return slice(max(int(first) - REACH, 0), int(last) + 1 + REACH)


def _part(valid: Array, mode: ForegroundMode) -> tuple[Array, tuple[str, ...]]:
    """The part among measured pixels (H, W) uint8, some, and what was done beyond the rule."""
    notes: tuple[str, ...] = ()
    opened = cv2.morphologyEx(valid, cv2.MORPH_OPEN, OPENING)
    kept = np.count_nonzero(opened) / np.count_nonzero(valid)
    if kept < DOTTED_SHARE:
        closed = cv2.morphologyEx(valid, cv2.MORPH_CLOSE, DOTTED_CLOSING)
        opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, OPENING)
        notes = (
            f"dotted depth: a 3x3 opening would keep {kept:.0%} of the measured pixels, so holes were closed (9x9) "
            "before the part was looked for",
        )
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    if count < 2:
        return valid.astype(bool), (
            *notes,
            "no component survives the opening: every measured pixel was kept",
        )
    areas = statistics[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0  # what was not measured
    largest = int(areas.argmax())
    alone = mode == "largest_component"
    kept_labels = np.arange(count) == largest if alone else areas >= SPECK_SHARE * areas[largest]
    return kept_labels[labels] & (valid > 0), notes
