"""What each kind of evidence says of the views of a predicted scan, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from modmap.datasets import find_scans
from modmap.drawing.colours import BACKGROUND, as_rgb, blend, colourise_signed
from modmap.drawing.legend import draw_legend
from modmap.drawing.picture import Picture
from modmap.drawing.reduction import as_8_bit, averaged, largest, nearest, reduced_size
from modmap.drawing.table import PLAIN, TALLEST_LEGEND, TableRow, picture_table
from modmap.errors import ModMapError, UsageError
from modmap.figures.prediction import summary_for
from modmap.result import ViewMaps
from modmap.runs.map_files import read_maps
from modmap.runs.stored_results import common_top, source_scan
from modmap.scan import Frame
from modmap.types import EVIDENCE, Evidence

LONGEST_SIDE = 280
MOST_VIEWS = 3
# Of the deviation's colours: more than good surface shows, less than what anybody feels.
FEWEST_MM = 0.1
NEARLY_ALL = 0.999
NOTES = ("scores: over the image, the more opaque the higher; a good part's largest is about 1 to 2",)


def evidence_picture(
    place: Path, *, views: Sequence[str] = (), scans: Path | None = None, top: float | None = None
) -> Picture:
    """A row for each view: image, deviation in mm, the scores of every kind of evidence that was asked, and their norm.

    Args:
        place: What `modmap predict` wrote for a scan.
        views: Ids of the views; by default the three with the largest scores.
        scans: Where the scan is, if it is no longer where it was predicted from.
        top: Score of the last colour; by default the scan's, or a good part's where that is larger.

    Raises:
        UsageError: the place isn't a prediction, or the scan wasn't compared with a nominal one.
        ModMapError: the prediction or its scan can't be read, or it has no such view.
    """
    summary = summary_for("evidence", place)
    maps = read_maps(place)
    asked: list[Evidence] = [kind for kind in EVIDENCE if any(kind in one.evidence for one in maps.values())]
    if not asked:
        raise UsageError(
            f"evidence: {place}: expected a scan that was compared with the nominal one, found a prediction by the "
            "mapping alone (preset fast or paper)"
        )
    unknown = [view for view in views if view not in maps]
    if unknown:
        raise ModMapError(f"evidence: {summary['scan']}: no view {unknown[0]!r}; it has {', '.join(maps)}")
    chosen = list(views) or _highest(maps)
    scan = source_scan(summary, [] if scans is None else find_scans(scans), place)
    far = _farthest([maps[view] for view in chosen])
    top = top or common_top([summary]) or 1.0
    rows = [_row(scan[view].load(), maps[view], asked, top=top, far=far) for view in chosen]
    columns = ["image", *(["deviation"] if "geometry" in asked else []), *asked, "together"]
    notes = [*NOTES]
    if "geometry" in asked:
        notes.append(
            f"deviation: blue {far:.2g} mm and more is missing, orange {far:.2g} mm and more was added"
        )
    if summary["score"] > max(_largest(one) for one in maps.values()):
        notes.append(
            "the scan's score is that of missing surface, which no view shows: it is in the volume alone"
        )
    height = sum(len(row.cells[0]) for row in rows)
    legend = draw_legend(min(TALLEST_LEGEND, height), top, lettering=PLAIN)
    title = f"{summary['scan']}: score {summary['score']:.3f}"
    return Picture(picture_table(title, rows, columns=columns, notes=notes, legend=legend))


def _row(frame: Frame, maps: ViewMaps, asked: Sequence[Evidence], *, top: float, far: float) -> TableRow:
    if frame.shape != maps.shape:
        (height, width), found = maps.shape, frame.shape
        raise ModMapError(
            f"evidence: expected view {frame.id} of the size that was predicted, {width}x{height}, found "
            f"{found[1]}x{found[0]}"
        )
    size = reduced_size(frame.shape, LONGEST_SIDE)
    gray = averaged(as_8_bit(frame.image), size)
    scores = [maps.of_evidence(kind) for kind in asked]
    cells = [as_rgb(gray)]
    if "geometry" in asked:
        cells.append(colourise_signed(nearest(maps.deviation(), size), far, background=BACKGROUND))
    cells += [blend(gray, largest(one, size), top) for one in (*scores, maps.combined())]
    return TableRow([f"view {maps.id}", f"largest score {_largest(maps):.3g}"], cells)


def _highest(maps: Mapping[str, ViewMaps]) -> list[str]:
    return sorted(maps, key=lambda view: -_largest(maps[view]))[:MOST_VIEWS]


def _largest(maps: ViewMaps) -> float:
    return float(np.nanmax(maps.combined()))


def _farthest(maps: Sequence[ViewMaps]) -> float:
    """mm of the last colours of the deviation: of all but a few pixels."""
    pixels = [one.deviation_pixels for one in maps if one.deviation_pixels is not None]
    known = [np.abs(one[np.isfinite(one)]) for one in pixels]
    every = np.concatenate([np.zeros(1), *known])
    return max(FEWEST_MM, float(np.quantile(every, NEARLY_ALL)))
