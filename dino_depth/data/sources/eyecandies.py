"""Eyecandies (Bonfiglioli et al., 2022)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import yaml

from dino_depth.arrays import Array
from dino_depth.data.sources.background_plane import without_background_plane
from dino_depth.data.sources.depth_files import read_depth
from dino_depth.data.sources.source import (
    MILLIMETRES_A_METRE,
    Item,
    Source,
    category_folders,
    measured,
    natural_order,
    required,
)
from dino_depth.errors import DinoDepthError, one_line

NAME = "eyecandies"
DEPTH, RANGE = "_depth.png", "_info_depth.yaml"
LEVELS = 65535


def eyecandies(root: Path, *, everything: bool = False, keep_plane: bool = False) -> Source:
    """Reads `<Category>/{train,val,test_public,test_private}/data/NNN_depth.png` with `NNN_info_depth.yaml`.

    The levels 0 to 65535 are spread between the yaml's `normalization: {min, max}`, taken to be metres.

    Args:
        root: The directory of the categories.
        everything: The other splits too, defective parts among them.
        keep_plane: Leave the conveyor in that the parts lie on.

    Raises:
        DinoDepthError: the directory has another layout, or a map has no yaml.
    """
    items = []
    for folder in category_folders(root, "train/data"):
        pattern = f"*/data/*{DEPTH}" if everything else f"train/data/*{DEPTH}"
        paths = sorted(folder.glob(pattern), key=natural_order)
        if not paths:
            raise DinoDepthError(f"{folder / 'train' / 'data'}: expected files NNN{DEPTH}, found none")
        for path in paths:
            required(_range_file(path), "the range of the depth map beside it")
        items += [Item(path, folder.name) for path in paths]
    return Source(NAME, root, tuple(items), partial(_depth, keep_plane=keep_plane))


def _range_file(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(DEPTH) + RANGE)


def _depth(item: Item, *, keep_plane: bool) -> Array:
    """(H, W) float32 in mm."""
    levels = read_depth(item.path)
    if levels.dtype != np.uint16:
        raise DinoDepthError(f"{item.path}: expected 16 bit, found {levels.dtype}")
    low, high = _range(_range_file(item.path))
    z = measured((levels / LEVELS * (high - low) + low) * MILLIMETRES_A_METRE)
    return z if keep_plane else without_background_plane(z)


def _range(path: Path) -> tuple[float, float]:
    try:
        ends = yaml.safe_load(path.read_text(encoding="utf-8"))["normalization"]
        low, high = float(ends["min"]), float(ends["max"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DinoDepthError(
            f"{path}: expected normalization with min and max, found {one_line(error)}"
        ) from None
    if not (np.isfinite([low, high]).all() and low < high):
        raise DinoDepthError(f"{path}: expected min below max, found {low} and {high}")
    return low, high
