"""Parts of MVTec 3D-AD with the defects that they have, for a probe of what an encoder tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dino_depth.arrays import Array
from dino_depth.data.sources.background_plane import without_background_plane
from dino_depth.data.sources.depth_files import read_xyz
from dino_depth.data.sources.source import MILLIMETRES_A_METRE, files_in, measured
from dino_depth.errors import DinoDepthError

MARGIN = 0.1  # of the part's side, around it


@dataclass(frozen=True, eq=False)
class LabelledPart:
    """A part, cut out of its view: S pixels along the part's side and the margin around it.

    Attributes:
        name: `<split>/<kind>/<number>`.
        points: (S, S, 3) float32 x, y and z in mm, 0 where nothing was measured or the plane is that it lies on.
        defect: (S, S) bool, all false for a good one.
        anomalous: Whether it is labelled so.
    """

    name: str
    points: Array
    defect: Array
    anomalous: bool


def labelled_parts(category: Path) -> tuple[list[LabelledPart], list[LabelledPart]]:
    """The nominal parts of a category and its test parts: `{train,test}/<kind>/{xyz,gt}/NNN.{tiff,png}`.

    Raises:
        DinoDepthError: the directory has another layout, a file is damaged, or there are no good or no defective parts.
    """
    nominal = [_part(path, category) for path in files_in(category / "train" / "good" / "xyz", (".tiff",))]
    folders = sorted(category.glob("test/*/xyz"))
    test = [_part(path, category) for folder in folders for path in files_in(folder, (".tiff",))]
    kinds = {part.anomalous for part in test}
    if len(kinds) < 2:
        found = "defective ones alone" if kinds == {True} else "good ones alone" if kinds else "none"
        raise DinoDepthError(f"{category}: expected good and defective test parts, found {found}")
    return nominal, test


def _part(path: Path, category: Path) -> LabelledPart:
    points = (read_xyz(path) * MILLIMETRES_A_METRE).astype(np.float32)
    there = without_background_plane(measured(points[:, :, 2])) > 0
    if not there.any():
        raise DinoDepthError(
            f"{path}: expected a part, found no measured pixel beside the plane that it lies on"
        )
    kind = path.parent.parent
    truth = kind / "gt" / f"{path.stem}.png"
    anomalous = kind.name != "good"
    defect = np.zeros(there.shape, bool)
    if anomalous:
        mask = cv2.imread(str(truth), cv2.IMREAD_GRAYSCALE) if truth.is_file() else None
        if mask is None or mask.shape != there.shape:
            found = "no readable file" if mask is None else f"{mask.shape}"
            raise DinoDepthError(f"{truth}: expected a mask of {there.shape} pixels, found {found}")
        defect = mask > 0
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    middle = (rows[0] + rows[-1]) // 2, (columns[0] + columns[-1]) // 2
    half = int(np.ceil((0.5 + MARGIN) * max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)))
    around = [(half, half), (half, half)]
    place = tuple(slice(at, at + 2 * half) for at in middle)
    shown = np.pad(np.where(there[:, :, None], points, 0), [*around, (0, 0)])[place]
    return LabelledPart(
        name=path.relative_to(category).with_suffix("").as_posix().replace("/xyz", ""),
        points=shown,
        defect=np.pad(defect, around)[place],
        anomalous=anomalous,
    )
