"""MVTec 3D-AD (Bergmann et al., 2022)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dino_depth.arrays import Array
from dino_depth.data.sources.background_plane import without_background_plane
from dino_depth.data.sources.depth_files import read_xyz
from dino_depth.data.sources.source import (
    MILLIMETRES_A_METRE,
    Item,
    Source,
    category_folders,
    files_in,
    measured,
)

NAME = "mvtec_3d_ad"


def mvtec_3d_ad(root: Path, *, everything: bool = False, keep_plane: bool = False) -> Source:
    """Reads `<category>/{train,validation,test}/<kind>/xyz/NNN.tiff`: organised point clouds in metres.

    Args:
        root: The directory of the categories.
        everything: Validation and test parts too, defective ones among them.
        keep_plane: Leave the plane in that the parts lie on.

    Raises:
        DinoDepthError: the directory has another layout.
    """
    items = []
    for folder in category_folders(root, "train/good/xyz"):
        kinds = sorted(folder.glob("*/*/xyz")) if everything else [folder / "train" / "good" / "xyz"]
        items += [Item(path, folder.name) for kind in kinds for path in files_in(kind, (".tiff",))]
    return Source(NAME, root, tuple(items), partial(_depth, keep_plane=keep_plane))


def _depth(item: Item, *, keep_plane: bool) -> Array:
    """(H, W) float32 in mm. The set's clouds have (0, 0, 0) where nothing was measured."""
    z = measured(read_xyz(item.path)[:, :, 2] * MILLIMETRES_A_METRE)
    return z if keep_plane else without_background_plane(z)
