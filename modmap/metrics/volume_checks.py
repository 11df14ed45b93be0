"""What V-AUPRO is given: refused in one line where it isn't what it should be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modmap.errors import ModMapError
from modmap.metrics.defect_labels import BoolArray, IntArray
from modmap.metrics.highest import FloatArray


def check_volume(
    scores: npt.ArrayLike, ground_truth: npt.ArrayLike, *, observed: npt.ArrayLike | None, name: str
) -> tuple[FloatArray, BoolArray, BoolArray]:
    """Scores, ground truth and what was observed, all of one shape.

    Raises:
        ModMapError: a shape or type is another, or a score that was observed isn't finite.
    """
    volume, defects = np.asarray(scores), np.asarray(ground_truth)
    if volume.ndim not in (2, 3):
        raise ModMapError(f"{name}: expected scores of shape (X, Y, Z) or (H, W), found {volume.shape}")
    if not np.issubdtype(volume.dtype, np.floating):
        raise ModMapError(f"{name}: expected float scores, found {volume.dtype}")
    seen = ~np.isnan(volume) if observed is None else np.asarray(observed)
    for argument, mask in (("ground_truth", defects), ("observed", seen)):
        if mask.dtype != np.bool_ or mask.shape != volume.shape:
            raise ModMapError(
                f"{name}: expected {argument} bool and of the scores' shape {volume.shape}, "
                f"found {mask.dtype} of shape {mask.shape}"
            )
    unusable = seen & ~np.isfinite(volume)
    if unusable.any():
        voxel = tuple(int(index) for index in np.argwhere(unusable)[0])
        raise ModMapError(
            f"{name}: expected finite scores where observed, found {volume[voxel]} at voxel {voxel} "
            f"and {np.count_nonzero(unusable)} such in all"
        )
    return volume, defects, seen


def check_defects(defects: npt.ArrayLike, truth: BoolArray, name: str) -> IntArray:
    """The numbers of the defects that voxels are of.

    Raises:
        ModMapError: they aren't integers of the ground truth's shape, over 0 in it and 0 elsewhere.
    """
    numbers = np.asarray(defects)
    if numbers.dtype.kind not in "ui" or numbers.shape != truth.shape:
        raise ModMapError(
            f"{name}: expected defects as integers and of the scores' shape {truth.shape}, "
            f"found {numbers.dtype} of shape {numbers.shape}"
        )
    wrong = np.where(truth, numbers <= 0, numbers != 0)
    if wrong.any():
        voxel = tuple(int(index) for index in np.argwhere(wrong)[0])
        raise ModMapError(
            f"{name}: expected defects over 0 in the ground truth and 0 elsewhere, found {numbers[voxel]} at voxel "
            f"{voxel} and {np.count_nonzero(wrong)} such in all"
        )
    return numbers


def check_choice(argument: str, value: object, choices: tuple[object, ...]) -> None:
    """Raises a ModMapError that names the choices where a value is none of them."""
    if value not in choices:
        raise ModMapError(f"{argument}: expected one of {', '.join(map(repr, choices))}, found {value!r}")


def check_limit(limit: float) -> None:
    """Raises a ModMapError where a false positive rate isn't in (0, 1]."""
    if not 0 < limit <= 1:
        raise ModMapError(f"limit: expected a false positive rate in (0, 1], found {limit}")
