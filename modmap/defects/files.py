"""Lists of defects on disk: defects.json to read back, defects.csv for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from modmap.defects.defect import Defect
from modmap.files.atomic import atomic_file
from modmap.files.formats import require_format
from modmap.files.validated_json import read_json, validate

JSON_NAME, CSV_NAME = "defects.json", "defects.csv"
FORMAT = 1
COLUMNS = (
    "index",
    "x_mm",
    "y_mm",
    "z_mm",
    "length_mm",
    "width_mm",
    "height_mm",
    "area_mm2",
    "depth_mm",
    "voxels",
    "peak",
    "mean",
    "modality",
    "image_peak",
    "depth_peak",
    "geometry_peak",
    "appearance_peak",
    "texture_peak",
    "memory_peak",
    "best_view",
    "best_view_left",
    "best_view_top",
    "best_view_right",
    "best_view_bottom",
    "views",
)


FORMULA = ("=", "+", "-", "@", "\t", "\r")


class DefectsRecord(BaseModel):
    """The content of `defects.json`: the defects of one scan.

    Attributes:
        format: Of this file, 1 where it isn't said.
        scan: The scan's name.
        defects: Its defects, the largest peak first.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    format: int = Field(FORMAT, ge=1, le=FORMAT)
    scan: str
    defects: list[Defect]


def write_defects(defects: Sequence[Defect], directory: str | Path, *, scan: str) -> list[Path]:
    """Writes `defects.json` and `defects.csv`.

    Args:
        defects: The defects.
        directory: Made where it is missing.
        scan: The scan's name.

    Returns:
        The two files.
    """
    json_path, csv_path = Path(directory) / JSON_NAME, Path(directory) / CSV_NAME
    with atomic_file(json_path) as partial:
        record = DefectsRecord(scan=scan, defects=list(defects))
        partial.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    with atomic_file(csv_path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(_row(defect) for defect in defects)
    return [json_path, csv_path]


def read_defects(directory: str | Path) -> list[Defect]:
    """The defects that `write_defects` wrote into a directory.

    Raises:
        ModMapError: the file is missing, damaged, or of a newer format.
    """
    path = Path(directory) / JSON_NAME
    data = read_json(path)
    require_format(data, FORMAT, where=str(path))
    return validate(DefectsRecord, data, where=str(path)).defects


def _row(defect: Defect) -> list[object]:
    best = defect.views[0] if defect.views else None
    return [
        defect.index,
        *(round(value, 3) for value in defect.centre_mm),
        *(round(value, 3) for value in defect.box.size_mm),
        round(defect.area_mm2, 3),
        None if defect.depth_mm is None else round(defect.depth_mm, 3),
        defect.voxels,
        defect.peak,
        defect.mean,
        defect.modality,
        defect.image_peak,
        defect.depth_peak,
        defect.geometry_peak,
        defect.appearance_peak,
        defect.texture_peak,
        defect.memory_peak,
        *((_text(best.view), *best.box) if best else [None] * 5),
        _text(" ".join(view.view for view in defect.views)),
    ]


def _text(cell: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
