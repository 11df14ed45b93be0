"""Where the pictures of a defect are cut from."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from modmap.defects import find_defects
from modmap.defects.defect import Defect, DefectView
from modmap.detector.model import ModMap
from modmap.report.defect_pairs import MOST_PAIRS, SIDE, defect_pairs
from modmap.result import ViewMaps
from modmap.scan import Scan, View
from tests.synthetic_scans import ball_scan

SHAPE = (400, 600)


def _decoded(address: str) -> np.ndarray:
    data = base64.b64decode(address.split(",", 1)[1])
    return np.asarray(Image.open(io.BytesIO(data)).convert("L")).astype(float)


@pytest.fixture(scope="module")
def some_defect() -> Defect:
    """Of a ball that was pushed in; where it is doesn't matter."""
    nominal = ball_scan(views=4, width=160, height=120)
    depth = np.array(nominal["01"].depth)
    depth[52:68, 72:88] += 3
    views = tuple(replace(view, depth=depth) if view.id == "01" else view for view in nominal.views)
    scan = replace(nominal, name="dented", views=views)
    settings = {"inference": {"voxel": 3.0}, "evidence": {"memory": False, "texture": False}}
    model = ModMap(device="cpu", settings=settings).fit(nominal)
    return find_defects(model.predict(scan), scan, threshold=2.0)[0]


def _marked(place: tuple[int, int], *, reduced: int = 1) -> np.ndarray:
    image = np.full(SHAPE, 60, np.uint8)
    image[place[0] - 10 : place[0] + 11, place[1] - 10 : place[1] + 11] = 200
    return np.ascontiguousarray(image[::reduced, ::reduced])


def _case(defect: Defect, place: tuple[int, int]) -> tuple[Defect, dict[str, ViewMaps], Scan]:
    row, column = place
    seen = DefectView(view="a", box=(column - 10, row - 10, column + 10, row + 10), seen=1.0, peak=5.0)
    maps = ViewMaps(
        "a",
        None,
        None,
        "max",
        SHAPE,
        np.packbits(np.ones(SHAPE, bool)),
        nominal_pixels=_marked(place, reduced=2),
    )
    scan = Scan("s", [View("a", _marked(place), np.full(SHAPE, 500, np.float32))])
    return defect.model_copy(update={"views": (seen,)}), {"a": maps}, scan


class TestDefectPairs:
    @pytest.mark.parametrize("place", [(200, 300), (150, 250)])
    def test_defect_pairs__both_show_the_place_in_their_middle(
        self, some_defect: Defect, place: tuple[int, int]
    ) -> None:
        defect, views, scan = _case(some_defect, place)
        (pair,) = defect_pairs([defect], views, scan)
        assert (pair.index, pair.view) == (defect.index, "a")
        for address in (pair.nominal, pair.new):
            picture = _decoded(address)
            assert picture.shape == (SIDE, SIDE)
            rows, columns = np.nonzero(picture > 200)
            assert rows.mean() == pytest.approx(SIDE / 2, abs=0.03 * SIDE)
            assert columns.mean() == pytest.approx(SIDE / 2, abs=0.03 * SIDE)

    def test_defect_pairs__at_the_border_of_the_view(self, some_defect: Defect) -> None:
        defect, views, scan = _case(some_defect, (12, 588))
        (pair,) = defect_pairs([defect], views, scan)
        for address in (pair.nominal, pair.new):
            rows, columns = np.nonzero(_decoded(address) > 200)
            assert rows.mean() < SIDE / 3
            assert columns.mean() > 2 * SIDE / 3

    def test_defect_pairs__without_a_nominal_image_there_is_none(self, some_defect: Defect) -> None:
        defect, views, scan = _case(some_defect, (200, 300))
        assert defect_pairs([defect], {"a": replace(views["a"], nominal_pixels=None)}, scan) == []
        assert defect_pairs([defect.model_copy(update={"views": ()})], views, scan) == []

    def test_defect_pairs__the_first_of_many(self, some_defect: Defect) -> None:
        defect, views, scan = _case(some_defect, (200, 300))
        many = [defect.model_copy(update={"index": index}) for index in range(20)]
        assert [pair.index for pair in defect_pairs(many, views, scan)] == list(range(MOST_PAIRS))
