"""Real-IAD D3 (Zhu et al., 2025)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dino_depth.arrays import Array
from dino_depth.data.sources.depth_files import read_xyz
from dino_depth.data.sources.source import Item, Source, files_in, required
from dino_depth.errors import DinoDepthError, one_line
from dino_depth.files import parsed_json

NAME = "real_iad_d3"
LISTS, FILES = "realiad_d3_jsons", "realiad_d3_raw"
NOMINAL = "OK"
LOWEST_MILLIMETRES = 1.0


def real_iad_d3(root: Path, *, everything: bool = False) -> Source:
    """Reads the published download, its archives unpacked where they lie.

    `realiad_d3_jsons/<category>.json` lists the parts of `train`, `validation` and `test`, each with an
    `anomaly_class` (`OK` where it has no defect) and the `xyz_path` of its point cloud, a float `.tiff` below
    `realiad_d3_raw/<category>/`.

    Known from public code that reads the set, not from its files: the unit, taken to be millimetres; that z grows away
    from the sensor; that NaN, or a point (0, 0, 0), is one not measured. Heights that go below zero are moved up as a
    whole until the lowest is 1 mm, as the set's own code proposes.

    Args:
        root: The directory of those two.
        everything: Validation and test parts too, defective ones among them.

    Raises:
        DinoDepthError: the directory has another layout, a list is damaged, or a point cloud is missing.
    """
    items: list[Item] = []
    for path in files_in(root / LISTS, (".json",)):
        items += _items(path, root / FILES / path.stem, everything=everything)
    return Source(NAME, root, tuple(items), _depth)


def _items(path: Path, folder: Path, *, everything: bool) -> list[Item]:
    try:
        lists = parsed_json(path.read_text(encoding="utf-8"))
        parts = [part for split in ("train", "validation", "test") for part in lists.get(split, ())]
        if not everything:
            parts = [part for part in lists["train"] if part["anomaly_class"] == NOMINAL]
        clouds = [folder / part["xyz_path"] for part in parts if part.get("xyz_path")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__} {one_line(str(error))}".strip()
        raise DinoDepthError(
            f"{path}: expected lists of parts with anomaly_class and xyz_path, found {reason}"
        ) from None
    if not clouds:
        raise DinoDepthError(f"{path}: expected parts of train with a point cloud, found none")
    return [Item(required(cloud, f"the point cloud that {path.name} lists"), path.stem) for cloud in clouds]


def _depth(item: Item) -> Array:
    """(H, W) float32 in mm, 0 where nothing was measured."""
    cloud = read_xyz(item.path)
    found = np.isfinite(cloud).all(axis=2) & (cloud != 0).any(axis=2)
    z = np.where(found, cloud[:, :, 2], 0).astype(np.float32)
    lowest = float(z[found].min()) if found.any() else LOWEST_MILLIMETRES
    return np.where(found, z - lowest + LOWEST_MILLIMETRES, 0) if lowest <= 0 else z
