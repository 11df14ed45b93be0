"""MVTec AD 2 (Heckler-Kram et al., 2025), for pseudo-depth."""

from __future__ import annotations

from pathlib import Path

from dino_depth.data.sources.image_folders import NOMINAL, image_folders
from dino_depth.data.sources.source import Source

NAME = "mvtec_ad_2"


def mvtec_ad_2(root: Path, *, everything: bool = False) -> Source:
    """Reads `<category>/train/good/*.png`, and if asked the rest.

    That is `validation/good`, `test_public/{good,bad}`, and `test_private` and `test_private_mixed` without folders in
    them.

    Args:
        root: The directory of the categories.
        everything: Validation and test parts too, defective ones among them; not the masks.

    Raises:
        SourceError: the directory has another layout.
    """
    rest = ("validation/good", "test_public/good", "test_public/bad", "test_private", "test_private_mixed")
    return image_folders(NAME, root, patterns=(NOMINAL, *rest) if everything else (NOMINAL,))
