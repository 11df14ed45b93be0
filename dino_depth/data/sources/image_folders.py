"""Data sets of images in folders: those of MVTec share the layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from dino_depth.data.sources.depth_files import read_image
from dino_depth.data.sources.source import (
    IMAGE_SUFFIXES,
    Item,
    Source,
    SourceError,
    category_folders,
    files_in,
)

Array = npt.NDArray[Any]

NOMINAL = "train/good"


def image_folders(name: str, root: Path, *, patterns: Sequence[str] = (NOMINAL,)) -> Source:
    """The images of `<category>/<pattern>/`.

    Args:
        name: Of the data set.
        root: The directory of the categories; one has a folder `train/good`.
        patterns: Of the folders in it, as `Path.glob` takes them, in the order of the items.

    Raises:
        SourceError: the directory has another layout, or a folder no image.
    """
    items = []
    for folder in category_folders(root, NOMINAL):
        places = [place for pattern in patterns for place in sorted(folder.glob(pattern)) if place.is_dir()]
        items += [Item(path, folder.name) for place in places for path in files_in(place, IMAGE_SUFFIXES)]
    if not items:
        raise SourceError(f"{root}: expected images in {', '.join(patterns)} of each category, found none")
    return Source(name, root, tuple(items), image, images=True)


def image(item: Item) -> Array:
    """(H, W, 3) uint8 image of an item, red first.

    Raises:
        SourceError: its file is missing or damaged.
    """
    return read_image(item.path)
