"""Each defect in the view that shows it best: the nominal image beside the new one, under a slider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from modmap.defects import Defect
from modmap.drawing.reduction import as_8_bit
from modmap.report.picture_address import picture_address
from modmap.result import ViewMaps
from modmap.scan import Scan
from modmap.types import Array

MOST_PAIRS = 12
SPANS = 2.5  # times the defect's box that is shown
LEAST_SIDE = 1 / 8  # of the view's longer side that is shown
SIDE = 320  # pixels of a picture
BRIGHT = 0.995  # share of a picture's pixels that aren't white


@dataclass(frozen=True)
class DefectPair:
    """A defect as the page shows it.

    Attributes:
        index: The defect's.
        view: Name of the view.
        nominal: Address of the picture of the nominal part.
        new: Address of the picture of the scanned one.
    """

    index: int
    view: str
    nominal: str
    new: str


def defect_pairs(defects: Sequence[Defect], views: Mapping[str, ViewMaps], scan: Scan) -> list[DefectPair]:
    """The pictures of the first defects that a view with a nominal image shows; one view is in memory at a time.

    Raises:
        ModMapError: a view can't be read.
    """
    asked: dict[str, list[Defect]] = {}
    for defect in defects[:MOST_PAIRS]:
        best = next(
            (
                one.view
                for one in defect.views
                if one.view in views and views[one.view].nominal_pixels is not None
            ),
            None,
        )
        if best is not None:
            asked.setdefault(best, []).append(defect)
    pairs = []
    for view_id, some in asked.items():
        nominal = views[view_id].nominal_pixels
        assert nominal is not None
        new = as_8_bit(scan[view_id].load().image)
        for defect in some:
            box = next(one.box for one in defect.views if one.view == view_id)
            factor = max(new.shape) // max(nominal.shape)
            window = _window(box, new.shape, step=factor)
            rows, columns = (slice(one.start // factor, one.stop // factor) for one in window)
            pairs.append(
                DefectPair(
                    defect.index, view_id, _address(as_8_bit(nominal)[rows, columns]), _address(new[window])
                )
            )
    return sorted(pairs, key=lambda pair: pair.index)


def _window(box: tuple[int, int, int, int], shape: tuple[int, ...], *, step: int) -> tuple[slice, slice]:
    """A square of the view around a defect's box, of whole steps of pixels, as far as the view goes."""
    left, top, right, bottom = box
    side = max(SPANS * max(right - left + 1, bottom - top + 1), LEAST_SIDE * max(shape))
    side = max(int(min(side, *shape)) // step, 1) * step
    rows, columns = (
        min(max(int((low + high) / 2 - side / 2), 0), longest - side) // step * step
        for low, high, longest in ((top, bottom, shape[0]), (left, right, shape[1]))
    )
    return slice(rows, rows + side), slice(columns, columns + side)


def _address(picture: Array) -> str:
    """Each by its own bright places, since another lamp is no defect."""
    white = max(float(np.quantile(picture, BRIGHT)), 1.0)
    levels = np.minimum(picture.astype(np.float32) * np.float32(255 / white), 255).astype(np.uint8)
    method = cv2.INTER_AREA if min(picture.shape) > SIDE else cv2.INTER_CUBIC
    return picture_address(np.asarray(cv2.resize(levels, (SIDE, SIDE), interpolation=method)), photo=True)
