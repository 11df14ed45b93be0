"""Making depth maps smaller."""

from __future__ import annotations

import numpy as np

from dino_depth.arrays import Array


def shrunk_size(height: int, width: int, longest_side: int) -> tuple[int, int]:
    """The size at which the longer side is at most `longest_side`, the ratio kept; 0 keeps the size."""
    longest = max(height, width)
    if longest_side == 0 or longest <= longest_side:
        return height, width
    # In whole numbers, half up: no rounding of a ratio moves the result.
    rows, columns = ((2 * side * longest_side + longest) // (2 * longest) for side in (height, width))
    return max(1, rows), max(1, columns)


def shrink(depth: Array, longest_side: int) -> Array:
    """The nearest pixel for each pixel of the smaller map: no depth is made up, and holes stay holes.

    Args:
        depth: (H, W).
        longest_side: Of the result, in pixels; 0 keeps the size. Smaller maps stay as they are.
    """
    height, width = depth.shape
    rows, columns = (
        # The source pixel that the middle of the small one is in.
        (2 * np.arange(small) + 1) * large // (2 * small)
        for small, large in zip(shrunk_size(height, width, longest_side), (height, width), strict=True)
    )
    return depth[np.ix_(rows, columns)]
