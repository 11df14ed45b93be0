"""MVTec LOCO AD (Bergmann et al., 2022), for pseudo-depth."""

from __future__ import annotations

from pathlib import Path

from dino_depth.data.sources.image_folders import NOMINAL, image_folders
from dino_depth.data.sources.source import Source

NAME = "mvtec_loco"


def mvtec_loco(root: Path, *, everything: bool = False) -> Source:
    """Reads `<category>/{train/good,validation/good,test/<good, logical_anomalies or structural_anomalies>}/NNN.png`.

    Args:
        root: The directory of the categories.
        everything: Validation and test parts too, defective ones among them.

    Raises:
        SourceError: the directory has another layout.
    """
    patterns = (NOMINAL, "validation/good", "test/*") if everything else (NOMINAL,)
    return image_folders(NAME, root, patterns=patterns)
