"""VisA (Zou et al., 2022), for pseudo-depth."""

from __future__ import annotations

import csv
from pathlib import Path

from dino_depth.data.sources.image_folders import image
from dino_depth.data.sources.source import Item, Source, SourceError, natural_order, required

NAME = "visa"
SPLIT = Path("split_csv") / "1cls.csv"
COLUMNS = ("object", "split", "label", "image")


def visa(root: Path, *, everything: bool = False) -> Source:
    """Reads the images that `split_csv/1cls.csv` lists, such as `candle/Data/Images/Normal/0836.JPG`.

    Args:
        root: The directory of the objects and of `split_csv`.
        everything: Test parts too, defective ones among them; otherwise those of split `train`, label `normal`.

    Raises:
        SourceError: the directory has another layout, or an image of the list is missing.
    """
    path = required(root / SPLIT, "the list of the training and test images")
    with path.open(newline="", encoding="utf-8") as file:
        table = csv.DictReader(file)
        columns = table.fieldnames or ()
        if not set(COLUMNS) <= set(columns):
            raise SourceError(
                f"{path}: expected the columns {', '.join(COLUMNS)}, found {', '.join(columns) or 'none'}"
            )
        rows = [row for row in table if everything or (row["split"], row["label"]) == ("train", "normal")]
    items = [
        Item(required(root / row["image"], f"the image that {path.name} lists"), row["object"])
        for row in rows
    ]
    if not items:
        raise SourceError(f"{path}: expected rows of split train and label normal, found none")
    items.sort(key=lambda item: natural_order(item.path.relative_to(root)))
    return Source(NAME, root, tuple(items), image, images=True)
