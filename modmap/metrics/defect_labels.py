"""Ground truth split into defects."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.integer[Any]]
Connectivity = Literal[6, 18, 26]

# Squared distance, in voxels, up to which two voxels are neighbours.
NEIGHBOUR_REACH = {6: 1, 18: 2, 26: 3}


def label_defects(ground_truth: BoolArray, *, connectivity: Connectivity = 26) -> tuple[IntArray, int]:
    """Splits ground truth into defects.

    Returns:
        An int array of the same shape, 0 outside defects and 1, 2, ... in them, and how many there are.
    """
    structure = ndimage.generate_binary_structure(ground_truth.ndim, NEIGHBOUR_REACH[connectivity])
    labels, count = ndimage.label(ground_truth, structure=structure)
    return labels, int(count)
