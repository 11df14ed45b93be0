"""What a model remembers of its nominal scans, as named arrays of a file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from modmap.evidence.memory import Memory, ViewMemory
from modmap.evidence.part_window import KINDS
from modmap.types import Array

FACTOR, IDS = "memory_factor", "memory_ids"


def memory_arrays(memory: Memory) -> dict[str, Array]:
    """A memory as `memory_factor`, `memory_ids`, and for its view at place j and each kind `KIND_patches_j` (M, C)
    float16, `KIND_units_j` (strides,) and `KIND_most_j`.
    """
    arrays: dict[str, Array] = {
        FACTOR: np.array(memory.factor),
        IDS: np.array(list(memory.views), dtype=np.str_),
    }
    for place, view in enumerate(memory.views.values()):
        for kind in KINDS:
            arrays[f"{kind}_patches_{place}"] = view.patches[kind].numpy()
            arrays[f"{kind}_units_{place}"] = view.units[kind].numpy()
            arrays[f"{kind}_most_{place}"] = np.array(view.most[kind])
    return arrays


def memory_of(arrays: Mapping[str, Array], ending: str) -> Memory | None:
    """The memory that `memory_arrays` gave, of arrays whose names end so; None where there is none.

    Raises:
        KeyError: an array is missing.
        ValueError: one is of another shape or type, or isn't finite.
    """
    if FACTOR + ending not in arrays:
        return None
    views = {}
    for place, view_id in enumerate(arrays[IDS + ending]):
        by_kind = {
            kind: tuple(arrays[f"{kind}_{what}_{place}{ending}"] for what in ("patches", "units", "most"))
            for kind in KINDS
        }
        for kind, (patches, units, most) in by_kind.items():
            _check(f"{kind} of view {view_id}", patches, units, most)
        views[str(view_id)] = ViewMemory(
            {kind: torch.from_numpy(patches) for kind, (patches, _, _) in by_kind.items()},
            {kind: torch.from_numpy(units) for kind, (_, units, _) in by_kind.items()},
            {kind: float(most) for kind, (_, _, most) in by_kind.items()},
        )
    factor = float(arrays[FACTOR + ending])
    if not (np.isfinite(factor) and factor > 0):
        raise ValueError(f"memory: expected a positive factor, found {factor}")
    return Memory(factor, views)


def _check(name: str, patches: Array, units: Array, most: Array) -> None:
    if patches.dtype != np.float16 or patches.ndim != 2 or units.dtype != np.float32 or units.ndim != 1:
        raise ValueError(
            f"memory: {name}: expected float16 patches (M, C) and float32 units, found {patches.dtype} {patches.shape} "
            f"and {units.dtype} {units.shape}"
        )
    if not len(patches) or not all(np.isfinite(one).all() for one in (patches, units, most)):
        raise ValueError(f"memory: {name}: expected finite patches, found none or others")
    if not ((units > 0).all() and float(most) > 0):
        raise ValueError(f"memory: {name}: expected positive units, found others")
