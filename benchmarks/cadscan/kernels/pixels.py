"""Pixels: values written back, jumps between neighbours, and those between a coarse grid's."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.cadscan.kernels.compiling import compiled

Array = npt.NDArray[Any]

ONE = np.float32(1)
FAR = np.float32(1e6)  # mm, where nothing is seen


@compiled
def put(
    at: Array,
    radiance: Array,
    projected: Array,
    gloss: Array,
    blocked: Array,
    second_blocked: Array,
    new_radiance: Array,
    new_projected: Array,
    new_gloss: Array,
    new_blocked: Array,
    new_second_blocked: Array,
) -> None:
    """Writes (N,) values into five arrays at (N,) places."""
    for m in range(len(at)):
        place = at[m]
        radiance[place], projected[place], gloss[place] = new_radiance[m], new_projected[m], new_gloss[m]
        blocked[place], second_blocked[place] = new_blocked[m], new_second_blocked[m]


@compiled
def jumps(z: Array, cosine: Array, step: float, turn: float) -> Array:
    """(H, W) bool: pixels beside another; see `sensor.edges`.

    Args:
        z: (H, W) float32, inf where there is nothing.
        cosine: (H, W) float32 of the incidence.
        step: Least jump of the depth, of the depth, where the cosine is 1.
        turn: Least jump of the cosine.
    """
    height, width = z.shape
    found = np.zeros((height, width), np.bool_)
    for v in range(height):
        for u in range(width):
            here, slope = min(z[v, u], FAR), cosine[v, u]
            for down, right in ((1, 0), (0, 1)):
                if v + down < height and u + right < width:
                    there, other = min(z[v + down, u + right], FAR), cosine[v + down, u + right]
                    flatter = max(min(slope, other), np.float32(0.1))
                    allowed = np.float32(step) * min(here, there) / flatter
                    if abs(here - there) > allowed or abs(slope - other) > turn:
                        found[v, u] = found[v + down, u + right] = True
    return found


@compiled
def interpolate_sparse(
    loose: Array, step: int, radiance: Array, projected: Array, gloss: Array, blocked: Array
) -> tuple[Array, Array]:
    """Fills pixels with the mean of the nearest ones of a grid, in place: two or four, as far as they are loose, too.

    Args:
        loose: (H, W) bool, the pixels that are to be filled, and to be filled from. H - 1 and W - 1 are multiples of
            the step.
        step: Of the grid; those on it have their values.
        radiance, projected, gloss: (H, W) float32.
        blocked: (H, W) bool; at least half of the nearest ones are.

    Returns:
        (N,) columns and (N,) rows of the loose pixels that have no loose one beside them on the grid.
    """
    height, width = loose.shape
    columns, rows = np.empty(height * width, np.int64), np.empty(height * width, np.int64)
    left = 0
    for v in range(height):
        top, bottom = v // step * step, -(-v // step) * step
        for u in range(width):
            first, last = u // step * step, -(-u // step) * step
            if not loose[v, u] or (top == v and first == u):
                continue
            count, dark = 0, 0
            light, lamp, shine = np.float32(0), np.float32(0), np.float32(0)
            for row in range(top, bottom + 1, step):
                for column in range(first, last + 1, step):
                    if loose[row, column]:
                        count += 1
                        light += radiance[row, column]
                        lamp += projected[row, column]
                        shine += gloss[row, column]
                        dark += blocked[row, column]
            if count == 0:
                columns[left], rows[left] = u, v
                left += 1
                continue
            share = ONE / np.float32(count)
            radiance[v, u], projected[v, u], gloss[v, u] = light * share, lamp * share, shine * share
            blocked[v, u] = 2 * dark >= count
    return columns[:left].copy(), rows[:left].copy()
