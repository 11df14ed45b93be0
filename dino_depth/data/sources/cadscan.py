"""A corpus of simulated scans, or any other corpus of depth maps with its columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from dino_depth.data.corpus import decode_depth, open_corpus
from dino_depth.data.sources.source import Item, Source

Array = npt.NDArray[Any]

NAME = "cadscan"


def cadscan(root: Path) -> Source:
    """Reads the rows of a corpus directory.

    Args:
        root: What `datasets.load_from_disk` opens, with the columns `depth`, `scale`, `source`, `category` and `hash`.

    Raises:
        CorpusError: it is no corpus.
    """
    rows = open_corpus(root)
    items = (Item(root, category, row) for row, category in enumerate(rows["category"]))
    return Source(NAME, root, tuple(items), _depth, unit_known=min(rows["scale"]) > 0)


def _depth(item: Item) -> Array:
    """(H, W) float32 in mm, 0 where nothing was measured."""
    return decode_depth(open_corpus(item.path)[item.row])
