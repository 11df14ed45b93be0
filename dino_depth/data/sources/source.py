"""What a reader gives: the files of a data set that become depth maps, and how one is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dino_depth.arrays import Array
from dino_depth.errors import DinoDepthError

MILLIMETRES_A_METRE = 1000.0
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class Item:
    """One depth map to come.

    Attributes:
        path: Its file.
        category: What kind of part it shows, in the data set's own words.
        row: Which of the file's maps, where it has several.
    """

    path: Path
    category: str
    row: int = 0


@dataclass(frozen=True)
class Source:
    """A data set, or the part of it that was asked for.

    Attributes:
        name: Of the data set.
        root: Its directory.
        items: In the order in which they are stored.
        read: Importable by name. Of an item of depth maps: (H, W) depth in mm, 0, NaN, infinite or negative where
            nothing was measured. Of an item of images: (H, W, 3) uint8, red first.
        images: `read` gives images, whose depth is still to be estimated.
        unit_known: The depth is in mm; otherwise in a unit that nobody named.
    """

    name: str
    root: Path
    items: tuple[Item, ...]
    read: Callable[[Item], Array]
    images: bool = False
    unit_known: bool = True

    def names(self) -> list[str]:
        """The items' files, relative to the root, each with its row."""
        return [f"{item.path.relative_to(self.root).as_posix()}:{item.row}" for item in self.items]


def category_folders(root: Path, mark: str) -> list[Path]:
    """The folders of a data set's categories: those with something at `mark` in them.

    Raises:
        DinoDepthError: there is no such directory, or none in it.
    """
    if not root.is_dir():
        raise DinoDepthError(f"{root}: expected the directory of a data set, found none")
    found = [folder for folder in sorted(root.iterdir()) if (folder / mark).exists()]
    if not found:
        there = ", ".join(sorted(path.name for path in root.iterdir())[:10]) or "an empty folder"
        raise DinoDepthError(f"{root}: expected a folder a category, with {mark} in each, found {there}")
    return found


def files_in(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """A folder's files with these suffixes, in any case, in the order a person counts.

    Raises:
        DinoDepthError: there are none.
    """
    found = [path for path in folder.glob("*") if path.suffix.lower() in suffixes and path.is_file()]
    if not found:
        raise DinoDepthError(f"{folder}: expected files {', '.join(suffixes)}, found none")
    return sorted(found, key=natural_order)


def natural_order(path: Path) -> list[tuple[int, str]]:
    """A key for sorting: runs of digits by their value, the rest by letter."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def required(path: Path, what: str) -> Path:
    """The path, if it is a file.

    Raises:
        DinoDepthError: it isn't.
    """
    if not path.is_file():
        raise DinoDepthError(f"{path}: expected {what}, found no such file")
    return path


def measured(depth: Array) -> Array:
    """(H, W) float32, 0 for what isn't a distance: NaN, infinite, negative."""
    return np.where(np.isfinite(depth) & (depth > 0), depth, 0).astype(np.float32)
