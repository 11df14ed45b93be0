"""Data sets of images in folders, for pseudo-depth: MVTec AD, MVTec LOCO AD and MVTec AD 2 share a layout."""

from __future__ import annotations

from pathlib import Path

from dino_depth.arrays import Array
from dino_depth.data.sources.depth_files import read_image
from dino_depth.data.sources.source import IMAGE_SUFFIXES, Item, Source, category_folders, files_in
from dino_depth.errors import DinoDepthError

NOMINAL = "train/good"
REST = {
    "mvtec_ad": ("test/*",),
    "mvtec_loco": ("validation/good", "test/*"),
    "mvtec_ad_2": (
        "validation/good",
        "test_public/good",
        "test_public/bad",
        "test_private",
        "test_private_mixed",
    ),
}
"""By data set, the other folders of a category, as `Path.glob` takes them: those of images, not of masks."""


def image_folders(name: str, root: Path, *, everything: bool = False) -> Source:
    """Reads the images of `<category>/train/good/`, and if asked of the other folders.

    Args:
        name: Of the data set, one of `REST`.
        root: The directory of the categories.
        everything: Validation and test parts too, defective ones among them.

    Raises:
        DinoDepthError: the directory has another layout, or a folder no image.
    """
    items = []
    for folder in category_folders(root, NOMINAL):
        for pattern in (NOMINAL, *REST[name]) if everything else (NOMINAL,):
            places = [place for place in sorted(folder.glob(pattern)) if place.is_dir()]
            items += [Item(path, folder.name) for place in places for path in files_in(place, IMAGE_SUFFIXES)]
    if not items:
        raise DinoDepthError(f"{root}: expected images in {NOMINAL} of each category, found none")
    return Source(name, root, tuple(items), image, images=True)


def image(item: Item) -> Array:
    """(H, W, 3) uint8 image of an item, red first.

    Raises:
        DinoDepthError: its file is missing or damaged.
    """
    return read_image(item.path)
