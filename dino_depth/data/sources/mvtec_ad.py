"""MVTec AD (Bergmann et al., 2019), for pseudo-depth."""

from __future__ import annotations

from pathlib import Path

from dino_depth.data.sources.image_folders import NOMINAL, image_folders
from dino_depth.data.sources.source import Source

NAME = "mvtec_ad"


def mvtec_ad(root: Path, *, everything: bool = False) -> Source:
    """Reads `<category>/{train/good,test/<kind>}/NNN.png`.

    Args:
        root: The directory of the categories.
        everything: Test parts too, defective ones among them.

    Raises:
        SourceError: the directory has another layout.
    """
    return image_folders(NAME, root, patterns=(NOMINAL, "test/*") if everything else (NOMINAL,))
