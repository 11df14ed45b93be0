"""VisA (Zou et al., 2022), for pseudo-depth."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from dino_depth.data.sources.image_folders import image
from dino_depth.data.sources.source import Item, Source, natural_order, required
from dino_depth.errors import DinoDepthError, one_line

NAME = "visa"
SPLIT = Path("split_csv") / "1cls.csv"
COLUMNS = ("object", "split", "label", "image")


def visa(root: Path, *, everything: bool = False) -> Source:
    """Reads the images that `split_csv/1cls.csv` lists, such as `candle/Data/Images/Normal/0836.JPG`.

    Args:
        root: The directory of the objects and of `split_csv`.
        everything: Test parts too, defective ones among them; otherwise those of split `train`, label `normal`.

    Raises:
        DinoDepthError: the directory has another layout, or an image of the list is missing.
    """
    path = required(root / SPLIT, "the list of the training and test images")
    items = [
        Item(required(root / row["image"], f"the image that {path.name} lists"), row["object"])
        for row in _rows(path)
        if everything or (row["split"], row["label"]) == ("train", "normal")
    ]
    if not items:
        raise DinoDepthError(f"{path}: expected rows of split train and label normal, found none")
    items.sort(key=lambda item: natural_order(item.path.relative_to(root)))
    return Source(NAME, root, tuple(items), image, images=True)


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of the list, all of whose `COLUMNS` are filled."""
    data = path.read_bytes()
    try:
        table = csv.DictReader(io.StringIO(data.decode(), newline=""))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DinoDepthError(f"{path}: line {line}: expected UTF-8, found {one_line(error)}") from None
    rows = []
    try:
        columns = table.fieldnames or ()
        if not set(COLUMNS) <= set(columns):
            raise DinoDepthError(
                f"{path}: expected the columns {', '.join(COLUMNS)}, found {', '.join(columns) or 'none'}"
            )
        for row in table:
            missing = [name for name in COLUMNS if not row[name]]
            if missing:
                raise DinoDepthError(
                    f"{path}: line {table.line_num}: expected {', '.join(COLUMNS)}, found no {missing[0]}"
                )
            rows.append(row)
    except csv.Error as error:
        raise DinoDepthError(
            f"{path}: line {table.reader.line_num}: expected values with commas, found {one_line(error)}"
        ) from None
    return rows
