"""Every defect of a predicted scan in the view that shows it best: where it is, before, now, and by how many mm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from modmap.datasets import find_scans
from modmap.defects import Defect, read_defects
from modmap.defects.defect import DefectView
from modmap.defects.files import JSON_NAME
from modmap.drawing.around import brightened, farthest_mm, square_around
from modmap.drawing.colours import BACKGROUND, as_rgb, colourise_signed
from modmap.drawing.picture import Picture
from modmap.drawing.reduction import as_8_bit, averaged, nearest, reduced_size
from modmap.drawing.table import TableRow, picture_table
from modmap.errors import UsageError
from modmap.figures.prediction import summary_for
from modmap.result import ViewMaps
from modmap.runs.map_files import read_maps
from modmap.runs.stored_results import source_scan
from modmap.scan import Scan
from modmap.types import Array

SIDE = 230  # pixels of a crop
LONGEST_SIDE = 300  # of a whole view
FRAME = (255, 190, 0)
MOST = 12


def defects_picture(place: Path, *, most: int = MOST, scans: Path | None = None) -> Picture:
    """A row for each defect: the view, the same place of the nominal part and of this one, and the deviation in mm.

    Args:
        place: What `modmap predict` wrote for a scan.
        most: So many defects at most, those with the largest peaks.
        scans: Where the scan is, if it is no longer where it was predicted from.

    Raises:
        UsageError: the place isn't a prediction, or of a model that wasn't calibrated, without which there are none.
        ModMapError: the prediction or its scan can't be read.
    """
    summary = summary_for("defects", place)
    if not (place / JSON_NAME).is_file():
        raise UsageError(
            f"defects: {place}: expected a prediction by a calibrated model, which tells defects, found none "
            "told: run modmap calibrate first"
        )
    defects, maps = read_defects(place), read_maps(place)
    scan = source_scan(summary, [] if scans is None else find_scans(scans), place)
    rows = [_row(defect, scan, maps) for defect in defects[:most] if defect.views]
    title = f"{summary['scan']}: {summary.get('verdict') or 'no verdict'}, score {summary['score']:.3g}"
    notes = [_counted(defects, shown=len(rows))]
    if any(defect.depth_mm is not None for defect in defects):
        notes.append("deviation: blue is missing, orange was added; each row to its own largest")
    columns = ("view", "nominal part", "this part", "deviation") if rows else ()
    return Picture(picture_table(title, rows, columns=columns, notes=notes))


def _counted(defects: Sequence[Defect], *, shown: int) -> str:
    if not defects:
        return "no defects"
    one = "1 defect" if len(defects) == 1 else f"{len(defects)} defects"
    return one if shown == len(defects) else f"{one}, {shown} of them shown"


def _row(defect: Defect, scan: Scan, maps: Mapping[str, ViewMaps]) -> TableRow:
    seen = next((one for one in defect.views if one.view in maps), None)
    if seen is None:
        return TableRow(_label(defect, None), ["no view shows it"] * 4)
    view, image = maps[seen.view], as_8_bit(scan[seen.view].load().image)
    nominal = view.nominal_pixels
    step = 1 if nominal is None else max(image.shape) // max(nominal.shape)
    window = square_around(seen.box, image.shape, step=step)
    before: Array | str = "not kept: the scan wasn't laid on it"
    if nominal is not None:
        rows, columns = (slice(one.start // step, one.stop // step) for one in window)
        before = _square(brightened(as_8_bit(nominal)[rows, columns]))
    return TableRow(
        _label(defect, seen),
        [_whole(image, window), before, _square(brightened(image[window])), _deviation(view, window)],
    )


def _label(defect: Defect, seen: DefectView | None) -> list[str]:
    long, wide, _ = defect.box.size_mm
    lines = [f"defect {defect.index}", f"{long:.0f} x {wide:.0f} mm"]
    if defect.depth_mm is not None:
        what = "missing" if defect.depth_mm < 0 else "too much"
        lines.append(f"{abs(defect.depth_mm):.2g} mm {what}")
    lines.append(f"score {defect.peak:.3g}" + (f" ({defect.modality})" if defect.modality else ""))
    if seen is not None:
        lines.append(f"view {seen.view}, of {len(defect.views)} that see it")
    return lines


def _whole(image: Array, window: tuple[slice, slice]) -> Array:
    """The view with a frame around the place."""
    size = reduced_size(image.shape, LONGEST_SIDE)
    picture = np.ascontiguousarray(as_rgb(averaged(brightened(image), size)))
    share = size[0] / image.shape[1]
    rows, columns = window
    first = round(columns.start * share), round(rows.start * share)
    last = round(columns.stop * share) - 1, round(rows.stop * share) - 1
    return np.asarray(cv2.rectangle(picture, first, last, FRAME, 2))


def _square(gray: Array) -> Array:
    method = cv2.INTER_AREA if min(gray.shape) > SIDE else cv2.INTER_CUBIC
    return as_rgb(np.asarray(cv2.resize(gray, (SIDE, SIDE), interpolation=method)))


def _deviation(view: ViewMaps, window: tuple[slice, slice]) -> Array | str:
    deviation = view.deviation()[window]
    if np.isnan(deviation).all():
        return "not known"
    small = nearest(deviation, (SIDE, SIDE))
    return colourise_signed(small, farthest_mm(deviation), background=BACKGROUND)
