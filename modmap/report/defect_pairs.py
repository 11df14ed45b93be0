"""Each defect in the view that shows it best: the nominal image beside the new one, under a slider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from modmap.defects import Defect
from modmap.drawing.around import brightened, square_around
from modmap.drawing.reduction import as_8_bit
from modmap.report.picture_address import picture_address
from modmap.result import ViewMaps
from modmap.scan import Scan
from modmap.types import Array

MOST_PAIRS = 12
SIDE = 320  # pixels of a picture


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
            window = square_around(box, new.shape, step=factor)
            rows, columns = (slice(one.start // factor, one.stop // factor) for one in window)
            pairs.append(
                DefectPair(
                    defect.index, view_id, _address(as_8_bit(nominal)[rows, columns]), _address(new[window])
                )
            )
    return sorted(pairs, key=lambda pair: pair.index)


def _address(picture: Array) -> str:
    method = cv2.INTER_AREA if min(picture.shape) > SIDE else cv2.INTER_CUBIC
    small = cv2.resize(brightened(picture), (SIDE, SIDE), interpolation=method)
    return picture_address(np.asarray(small), photo=True)
