"""One predicted scan in a row: image, depth, ground truth, anomaly map, volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from modmap.datasets.ground_truth import GroundTruth, read_ground_truth
from modmap.drawing.colours import BACKGROUND, as_rgb, blend, colourise_depth
from modmap.drawing.reduction import as_8_bit, averaged, depth_range, measured_depth, nearest, reduced_size
from modmap.drawing.table import TableRow
from modmap.drawing.volume_projection import volume_picture
from modmap.errors import ModMapError
from modmap.figures.choice import Predicted, Shown
from modmap.result import ViewMaps
from modmap.runs.map_files import read_maps
from modmap.runs.stored_results import VOLUME
from modmap.runs.volume_files import load_volume
from modmap.scan import Frame, Scan
from modmap.types import Array
from modmap.volume import AnomalyVolume

COLUMNS = ("image", "depth", "ground truth", "anomaly map", "volume")
LONGEST_SIDE = 280
# Vermilion: told from gray and from its neighbours by the colour-blind too.
DEFECT = (213, 94, 0)
BOX_MARGIN = 5
NO_TRUTH = "no ground truth"
NOMINAL = "nominal: no defect"
LABELS = {None: "no label", True: "defective", False: "nominal"}


def scan_row(shown: Shown, scan: Scan, *, view_id: str | None, top: float, run: str | None) -> TableRow:
    """A predicted scan, seen from one view.

    Args:
        shown: The prediction.
        scan: The scan that it was made for.
        view_id: The view; None takes the one that shows most of the defects, or else the largest score.
        top: Score of the last colour.
        run: What the results are called, where there are several.

    Raises:
        ModMapError: a file can't be read, there is no such view, or the scan isn't the one that was predicted.
    """
    one = shown.predicted
    maps = read_maps(one.place)
    truth = None if scan.ground_truth is None else read_ground_truth(scan.ground_truth)
    if view_id is None:
        view_id = _clearest_view(scan, maps, truth)
    elif view_id not in maps:
        raise ModMapError(f"qualitative: {one.scan}: no view {view_id!r}; it has {', '.join(maps)}")
    frame = scan[view_id].load()
    if frame.shape != maps[view_id].shape:
        height, width = maps[view_id].shape
        raise ModMapError(
            f"qualitative: {one.scan}: expected view {view_id} of the size that was predicted, {width}x{height}, "
            f"found {frame.shape[1]}x{frame.shape[0]}"
        )
    size = reduced_size(frame.shape, LONGEST_SIDE)
    gray = averaged(as_8_bit(frame.image), size)
    depth = measured_depth(frame.depth, size)
    seen = None if truth is None or frame.camera is None else _defect_pixels(frame, truth, size)
    boxes = [] if seen is None else _boxes(seen)
    scores = nearest(maps[view_id].combined(), size)
    return TableRow(
        _label(shown, scan, view_id, run),
        [
            as_rgb(gray),
            colourise_depth(depth, *depth_range([depth]), background=BACKGROUND),
            _truth_cell(gray, truth, seen, boxes, view_id),
            _boxed(blend(gray, scores, top), boxes),
            _volume_cell(one, top, size=size),
        ],
    )


def missing(shown: Shown, scan: Scan) -> list[str]:
    """What a row can't show, and why, one line for each."""
    lines = []
    if scan.ground_truth is None:
        lines.append(NO_TRUTH)
    if not (shown.predicted.place / VOLUME).is_file():
        lines.append(_no_volume(shown.predicted))
    return [f"{shown.predicted.scan}: {line}" for line in lines]


def _label(shown: Shown, scan: Scan, view_id: str, run: str | None) -> list[str]:
    one = shown.predicted
    # The scan knows better: it may have been labelled since.
    label = LABELS[one.anomalous if scan.anomalous is None else scan.anomalous]
    verdict = one.summary.get("verdict")
    lines = [
        one.scan,
        shown.kind or "",
        f"score {one.score:.3f}" + (f", {verdict}" if verdict else ""),
        label,
        shown.standing,
        f"view {view_id}",
        run or "",
    ]
    return [line for line in lines if line]


def _clearest_view(scan: Scan, maps: Mapping[str, ViewMaps], truth: GroundTruth | None) -> str:
    if truth is not None and truth.mask.any():
        index, grid = np.argwhere(truth.mask), truth.grid
        visible = {}
        for view_id in maps:
            frame = scan[view_id].load()
            if frame.camera is not None:
                visible[view_id] = int(np.count_nonzero(grid.pixels(index, frame)[1]))
        if visible and max(visible.values()) > 0:
            return max(visible, key=lambda view_id: visible[view_id])
    return max(maps, key=lambda view_id: _largest(maps[view_id]))


def _largest(maps: ViewMaps) -> float:
    combined = maps.combined()
    known = combined[np.isfinite(combined)]
    return float(known.max()) if len(known) else -np.inf


def _defect_pixels(frame: Frame, truth: GroundTruth, size: tuple[int, int]) -> Array:
    """(h, w) bool: pixels that hold a measured point in a defect voxel."""
    marked = AnomalyVolume(truth.grid, truth.mask.astype(np.float32)).seen_from(frame) > 0
    # The smallest defect is seen too.
    return averaged(marked.astype(np.float32), size) > 0


def _boxes(seen: Array) -> list[tuple[int, int, int, int]]:
    """(left, top, right, bottom) around every group of defect pixels."""
    reach = np.ones((2 * BOX_MARGIN + 1,) * 2, np.uint8)
    grown = cv2.dilate(seen.astype(np.uint8), reach)
    count, _, statistics, _ = cv2.connectedComponentsWithStats(grown)
    return [
        (int(left), int(top), int(left + width - 1), int(top + height - 1))
        for left, top, width, height, _ in statistics[1:count]
    ]


def _boxed(picture: Array, boxes: Sequence[tuple[int, int, int, int]]) -> Array:
    """White lines with black beside them are seen on every colour."""
    drawn = np.ascontiguousarray(picture)
    for left, top, right, bottom in boxes:
        for colour, edge in (((0, 0, 0), -1), ((255, 255, 255), 0), ((0, 0, 0), 1)):
            cv2.rectangle(
                drawn, (left - edge, top - edge), (right + edge, bottom + edge), colour, 1, cv2.LINE_8
            )
    return drawn


def _truth_cell(
    gray: Array,
    truth: GroundTruth | None,
    seen: Array | None,
    boxes: Sequence[tuple[int, int, int, int]],
    view_id: str,
) -> Array | str:
    if truth is None:
        return NO_TRUTH
    if not truth.mask.any():
        return NOMINAL
    if seen is None:
        return f"ground truth not drawn: view {view_id} has no camera"
    if not seen.any():
        return f"no measured point of view {view_id} lies in a defect voxel"
    picture = as_rgb(gray)
    picture[seen] = DEFECT
    return _boxed(picture, boxes)


def _volume_cell(one: Predicted, top: float, *, size: tuple[int, int]) -> Array | str:
    path = Path(one.place) / VOLUME
    if not path.is_file():
        return _no_volume(one)
    return volume_picture(load_volume(path), size=size, top=top)


def _no_volume(one: Predicted) -> str:
    return f"no volume: {one.summary.get('volume_refused') or 'volume.npz was not written'}"
