"""Any folder of depth maps."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from dino_depth.arrays import Array
from dino_depth.data.sources.depth_files import DEPTH_SUFFIXES, read_depth
from dino_depth.data.sources.source import Item, Source, measured, natural_order
from dino_depth.errors import DinoDepthError

NAME = "folder"


def folder(root: Path, *, depth_unit: float = 0.0) -> Source:
    """Reads every depth map below a folder; the folder that a map is in is its category.

    Args:
        root: The folder. Files of other kinds in it are left alone.
        depth_unit: Millimetres per stored unit: 1000 for metres. 0 where it is unknown.

    Raises:
        DinoDepthError: there is no such folder or no depth map in it, or the unit is negative.
    """
    if not (np.isfinite(depth_unit) and depth_unit >= 0):
        raise DinoDepthError(f"--depth-unit: expected millimetres per stored unit, or 0, found {depth_unit}")
    if not root.is_dir():
        raise DinoDepthError(f"{root}: expected a folder of depth maps, found none")
    paths = [path for path in root.rglob("*") if path.suffix.lower() in DEPTH_SUFFIXES and path.is_file()]
    if not paths:
        raise DinoDepthError(f"{root}: expected depth maps ({', '.join(DEPTH_SUFFIXES)}), found none")
    items = (Item(path, path.parent.name) for path in sorted(paths, key=natural_order))
    read = partial(_depth, unit=depth_unit or 1.0)
    return Source(NAME, root, tuple(items), read, unit_known=depth_unit > 0)


def _depth(item: Item, *, unit: float) -> Array:
    return measured(read_depth(item.path).astype(np.float64) * unit)
