"""The data sets by name, and the training splits of Table 5."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from dino_depth.data.sources.cadscan import cadscan
from dino_depth.data.sources.eyecandies import eyecandies
from dino_depth.data.sources.folder import folder
from dino_depth.data.sources.image_folders import image_folders
from dino_depth.data.sources.mvtec_3d_ad import mvtec_3d_ad
from dino_depth.data.sources.real_iad_d3 import real_iad_d3
from dino_depth.data.sources.source import Source
from dino_depth.data.sources.visa import visa
from dino_depth.errors import DinoDepthError

PUBLISHED = ("mvtec_3d_ad", "eyecandies", "real_iad_d3", "mvtec_ad", "mvtec_loco", "mvtec_ad_2", "visa")
NAMES = (*PUBLISHED, "folder", "cadscan")

SPLITS = {"A": PUBLISHED[:2], "B": PUBLISHED[:3], "C": PUBLISHED}
"""Of Table 5. Its 19647 maps of A are all that both sets have (4147 and 15500), test parts and their defects included;
the nominal training parts alone are 2656 and 10000."""


@dataclass(frozen=True)
class Choices:
    """What of a data set is read, and how.

    Attributes:
        everything: Validation and test parts too, defective ones among them.
        keep_plane: Leave the plane in that the parts of MVTec 3D-AD and Eyecandies lie on.
        depth_unit: Millimetres per stored unit of a folder's maps; 0 where it is unknown.
    """

    everything: bool = False
    keep_plane: bool = False
    depth_unit: float = 0.0


def open_source(name: str, root: Path, choices: Choices) -> Source:
    """The items of a data set.

    Raises:
        DinoDepthError: no data set has this name (the nearest one is named), or the directory has another layout.
    """
    every, plane = choices.everything, choices.keep_plane
    match name:
        case "mvtec_3d_ad":
            return mvtec_3d_ad(root, everything=every, keep_plane=plane)
        case "eyecandies":
            return eyecandies(root, everything=every, keep_plane=plane)
        case "real_iad_d3":
            return real_iad_d3(root, everything=every)
        case "mvtec_ad" | "mvtec_loco" | "mvtec_ad_2":
            return image_folders(name, root, everything=every)
        case "visa":
            return visa(root, everything=every)
        case "folder":
            return folder(root, depth_unit=choices.depth_unit)
        case "cadscan":
            return cadscan(root)
    plain = {known.replace("_", ""): known for known in NAMES}
    nearest = difflib.get_close_matches(re.sub(r"[_ -]", "", name).lower(), plain, n=1, cutoff=0.5)
    hint = f"did you mean {plain[nearest[0]]}?" if nearest else f"known are {', '.join(NAMES)}"
    raise DinoDepthError(f"--source {name}: unknown data set, {hint}")
