"""A dented ball's evidence: which columns there are, and where their colours lie."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modmap.datasets import write_scan
from modmap.detector.model import ModMap
from modmap.drawing.colours import BACKGROUND, BELOW, ZERO, as_rgb
from modmap.drawing.table import BOLD, PLAIN
from modmap.errors import ModMapError, UsageError
from modmap.figures.evidence import evidence_picture
from modmap.runs.predict import write_result
from modmap.scan import Scan
from tests.modmap.drawing.pixels import find_words, places
from tests.modmap.figures.conftest import Evaluated
from tests.modmap.figures.written_words import says

HEIGHT, WIDTH = 60, 80


@pytest.fixture(scope="module")
def predict(tmp_path_factory: pytest.TempPathFactory, make_scan: Callable[..., Scan]) -> Callable[..., Path]:
    """Where the prediction of a ball that is dented in view 01 is; settings of `evidence`."""

    def make(**evidence: bool) -> Path:
        root = tmp_path_factory.mktemp("evidence")
        write_scan(make_scan(name="dented", change=("01",)), root / "dented")
        scan = Scan.load(root / "dented")
        model = ModMap("inspect", device="cpu", settings={"evidence": evidence}).fit(make_scan(name="good"))
        result = model.predict(scan, volume=False)
        write_result(result, scan, root / "out", model=model, formats=(), overlays=False)
        return root / "out"

    return make


@pytest.fixture(scope="module")
def dented(predict: Callable[..., Path]) -> Path:
    """The prediction with all evidence."""
    return predict()


class TestEvidencePicture:
    def test_columns__in_order_and_coloured_where_the_dent_is(self, dented: Path) -> None:
        picture = np.asarray(evidence_picture(dented, views=["01"]))
        columns = ("image", "deviation", "geometry", "appearance", "texture", "together")
        left = {name: find_words(picture, PLAIN.line(name))[1] for name in columns}
        assert list(left.values()) == sorted(left.values())
        image = np.asarray(Scan.load(dented.parent / "dented")["01"].load().image)
        # Where nothing is said, a score's column has the image too.
        row, column = min(places(picture, as_rgb(image)))
        assert column == left["image"]

        def cell(name: str) -> Any:
            return picture[row : row + HEIGHT, left[name] : left[name] + WIDTH].astype(int)

        deviation = cell("deviation")
        assert (deviation[0, 0] == BACKGROUND).all()
        # 20 mm deep: all blue; the ball beside it is as it was.
        assert np.abs(deviation[28:32, 38:42] - BELOW).max() <= 3
        beside = deviation[28:32, 18:30].reshape(-1, 3)
        known = beside[(beside != BACKGROUND).any(axis=1)]
        assert len(known) > 10
        assert np.abs(known - ZERO).max() <= 3
        for name in ("geometry", "together"):
            changed = np.abs(cell(name) - image[..., None]).max(axis=2)
            assert changed[28:32, 38:42].min() > 60
            assert changed[28:32, 22:28].max() < 30

    def test_views__are_those_with_the_largest_scores_unless_named(self, dented: Path) -> None:
        shown = _rows(np.asarray(evidence_picture(dented)))
        assert len(shown) == 3
        assert shown[0] == "01"
        assert _rows(np.asarray(evidence_picture(dented, views=["02", "00"]))) == ["02", "00"]

    def test_columns__of_what_was_not_asked_are_missing(self, predict: Callable[..., Path]) -> None:
        picture = np.asarray(evidence_picture(predict(geometry=False, texture=False)))
        found = [
            says(picture, name) for name in ("deviation", "geometry", "appearance", "texture", "together")
        ]
        assert found == [False, False, True, False, True]
        assert not says(picture, "mm and more")

    def test_notes__a_score_that_no_view_shows_is_of_missing_surface(
        self, dented: Path, tmp_path: Path
    ) -> None:
        missing = "the scan's score is that of missing surface"
        shutil.copytree(dented, tmp_path / "out")
        summary = json.loads((dented / "summary.json").read_text())
        for score, told in ((summary["score"], False), (10 * summary["score"], True)):
            (tmp_path / "out" / "summary.json").write_text(json.dumps(summary | {"score": score}))
            picture = np.asarray(evidence_picture(tmp_path / "out"))
            assert bool(places(picture, PLAIN.line(missing))) == told

    def test_error__a_view_that_is_not_there(self, dented: Path) -> None:
        with pytest.raises(ModMapError, match=r"evidence: dented: no view '07'; it has 00, 01, 02, 03"):
            evidence_picture(dented, views=["07"])

    def test_error__no_prediction(self, tmp_path: Path) -> None:
        with pytest.raises(
            UsageError, match=r"expected what modmap predict wrote for a scan, found no summary.json"
        ):
            evidence_picture(tmp_path)

    def test_error__a_prediction_by_the_mapping(self, evaluated: Evaluated) -> None:
        with pytest.raises(
            UsageError, match=r"found a prediction by the mapping alone \(preset fast or paper\)"
        ):
            evidence_picture(evaluated.place("ball_00"))

    def test_error__the_scan_has_another_size_now(self, predict: Callable[..., Path]) -> None:
        place = predict(texture=False)
        scan = _halved(Scan.load(place.parent / "dented"))
        shutil.rmtree(place.parent / "dented")
        write_scan(scan, place.parent / "dented")
        with pytest.raises(ModMapError, match=r"of the size that was predicted, 80x60, found 40x30"):
            evidence_picture(place)


def _rows(picture: Any) -> list[str]:
    """The views that have a row, from the top."""
    found = {view: places(picture, BOLD.line(f"view {view}")) for view in ("00", "01", "02", "03")}
    return sorted((view for view, at in found.items() if at), key=lambda view: found[view][0])


def _halved(scan: Scan) -> Scan:
    views = []
    for view in scan.views:
        frame = view.load()
        assert frame.camera is not None
        views.append(
            replace(
                view,
                image=frame.image[::2, ::2],
                depth=frame.depth[::2, ::2],
                camera=frame.camera.resized(40, 30),
            )
        )
    return replace(scan, views=tuple(views))
