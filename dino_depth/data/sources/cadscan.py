"""A corpus of simulated scans, or any other corpus of depth maps with its columns."""

from __future__ import annotations

from pathlib import Path

from dino_depth.arrays import Array
from dino_depth.data.corpus import PART, decode_depth, open_corpus
from dino_depth.data.sources.source import Item, Source

NAME = "cadscan"


def cadscan(root: Path) -> Source:
    """Reads the rows of a corpus directory.

    Where the rows tell which part each map shows, its number follows the category: `spur_gear/12`. The probe of an
    encoder then never takes another view of the same part for a likeness between parts.

    Args:
        root: What `datasets.load_from_disk` opens, with the columns `depth`, `scale`, `source`, `category` and `hash`,
            and perhaps `part`, a number.

    Raises:
        DinoDepthError: it is no corpus.
    """
    rows = open_corpus(root)
    categories: list[str] = list(rows["category"])
    if PART in rows.column_names:
        categories = [f"{name}/{part}" for name, part in zip(categories, rows[PART], strict=True)]
    items = (Item(root, category, row) for row, category in enumerate(categories))
    return Source(NAME, root, tuple(items), _depth, unit_known=min(rows["scale"]) > 0)


def _depth(item: Item) -> Array:
    """(H, W) float32 in mm, 0 where nothing was measured."""
    return decode_depth(open_corpus(item.path)[item.row])
