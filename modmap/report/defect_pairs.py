"""Each defect in the view that shows it best: the nominal image beside the new one, under a slider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from modmap.defects import Defect
from modmap.drawing.around import brightened, farthest_mm, square_around
from modmap.drawing.colours import BACKGROUND, colourise_signed
from modmap.drawing.reduction import as_8_bit, nearest
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
        deviation: Address of the picture of how far its surface lies off the nominal one; None where nothing is known.
        far_mm: mm of its last colours.
        depth_mm: As the defect has it.
    """

    index: int
    view: str
    nominal: str
    new: str
    deviation: str | None
    far_mm: float
    depth_mm: float | None


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
            deviation = views[view_id].deviation()[window]
            far = farthest_mm(deviation)
            pairs.append(
                DefectPair(
                    index=defect.index,
                    view=view_id,
                    nominal=_address(as_8_bit(nominal)[rows, columns]),
                    new=_address(new[window]),
                    deviation=_deviation(deviation, far),
                    far_mm=far,
                    depth_mm=defect.depth_mm,
                )
            )
    return sorted(pairs, key=lambda pair: pair.index)


def _address(picture: Array) -> str:
    method = cv2.INTER_AREA if min(picture.shape) > SIDE else cv2.INTER_CUBIC
    small = cv2.resize(brightened(picture), (SIDE, SIDE), interpolation=method)
    return picture_address(np.asarray(small), photo=True)


def _deviation(deviation: Array, far: float) -> str | None:
    if np.isnan(deviation).all():
        return None
    colours = colourise_signed(nearest(deviation, (SIDE, SIDE)), far, background=BACKGROUND)
    return picture_address(colours, photo=False)
