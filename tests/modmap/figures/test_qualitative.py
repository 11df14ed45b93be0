"""Successes and failures: what is in the rows, and what is said to be missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modmap.datasets import load_scan
from modmap.drawing.colours import BACKGROUND
from modmap.drawing.table import BOLD, LABEL_WIDTH, PLAIN
from modmap.drawing.volume_projection import volume_picture
from modmap.errors import ModMapError, UsageError
from modmap.figures.qualitative import NO_LABELS, qualitative_pictures
from modmap.figures.scan_row import BOX_MARGIN, COLUMNS, DEFECT, NO_TRUTH, NOMINAL
from modmap.runs.volume_files import load_volume
from tests.modmap.drawing.pixels import as_rgb, find, find_words, places
from tests.modmap.figures.conftest import Evaluated
from tests.modmap.figures.written_words import says

HEIGHT, WIDTH = 60, 80


@pytest.fixture
def copy(evaluated: Evaluated, tmp_path: Path) -> Evaluated:
    """Results that may be spoilt."""
    shutil.copytree(evaluated.out, tmp_path / "out")
    return Evaluated(tmp_path / "out", evaluated.data)


def say(evaluated: Evaluated, scan: str, **changes: Any) -> None:
    """Changes what the summary of a scan says."""
    path = evaluated.place(scan) / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def drawn(evaluated: Evaluated, *names: str, **arguments: Any) -> Any:
    return np.asarray(qualitative_pictures([evaluated.out], only=names, **arguments).pictures["qualitative"])


def image(evaluated: Evaluated, scan: str, view: str) -> Any:
    return load_scan(evaluated.data / "ball" / scan)[view].load().image


def cell(picture: Any, column: str, row: int) -> Any:
    """The pixels under a heading, from a row on."""
    left = find_words(picture, PLAIN.line(column))[1]
    return picture[row : row + HEIGHT, left : left + WIDTH]


class TestQualitativePictures:
    def test_row__image_depth_ground_truth_map_and_volume(self, evaluated: Evaluated) -> None:
        picture = drawn(evaluated, "ball_02_bad")
        gray = image(evaluated, "ball_02_bad", "00")
        row, column = find(picture, as_rgb(gray))
        headings = [find_words(picture, PLAIN.line(name))[1] for name in COLUMNS]
        assert headings == sorted(headings)
        assert column == headings[0]
        hole = load_scan(evaluated.data / "ball" / "ball_02_bad")["00"].load().depth == 0
        np.testing.assert_array_equal((cell(picture, "depth", row) == BACKGROUND).all(axis=2), hole)
        summary = json.loads((evaluated.place("ball_02_bad") / "summary.json").read_text())
        top = max(summary["score"], 1.5 * summary["training_score"])
        volume = load_volume(evaluated.place("ball_02_bad") / "volume.npz")
        projected = volume_picture(volume, size=(WIDTH, HEIGHT), top=top)
        assert find(picture, projected) == (row, headings[4])

    def test_ground_truth__is_marked_where_the_defect_is_and_boxed_on_the_map(
        self, evaluated: Evaluated
    ) -> None:
        picture = drawn(evaluated, "ball_02_bad")
        gray = image(evaluated, "ball_02_bad", "00")
        row, _ = find(picture, as_rgb(gray))
        truth, scores = cell(picture, "ground truth", row), cell(picture, "anomaly map", row)
        marked = (truth == DEFECT).all(axis=2)
        assert marked[25:35, 35:45].all()
        # A voxel of 4 mm is little more than a pixel here.
        marked[23:37, 33:47] = False
        assert not marked.any()
        inside = np.zeros((HEIGHT, WIDTH), dtype=bool)
        inside[25 - BOX_MARGIN - 4 : 35 + BOX_MARGIN + 4, 35 - BOX_MARGIN - 4 : 45 + BOX_MARGIN + 4] = True
        white = (truth == 255).all(axis=2)
        lines, columns = np.nonzero(white & (scores == 255).all(axis=2))
        assert lines.min() <= 25 - BOX_MARGIN
        assert lines.max() >= 34 + BOX_MARGIN
        assert columns.min() <= 35 - BOX_MARGIN
        assert columns.max() >= 44 + BOX_MARGIN
        np.testing.assert_array_equal(truth[~inside], as_rgb(gray)[~inside])

    def test_view__is_the_one_that_shows_the_defect_or_that_is_asked_for(self, evaluated: Evaluated) -> None:
        chosen = drawn(evaluated, "ball_02_bad")
        asked = drawn(evaluated, "ball_02_bad", view_id="01")
        for picture, view in ((chosen, "00"), (asked, "01")):
            assert find(picture, as_rgb(image(evaluated, "ball_02_bad", view)))
            assert find_words(picture, PLAIN.line(f"view {view}"))
        assert says(asked, "no measured point of view 01 lies in a defect voxel")

    def test_nominal__is_said(self, evaluated: Evaluated) -> None:
        picture = drawn(evaluated, "ball_00")
        assert says(picture, NOMINAL)
        assert not places(picture, np.array([[DEFECT]], dtype=np.uint8))

    def test_missing__is_said_in_the_picture_and_beside_it(self, copy: Evaluated, tmp_path: Path) -> None:
        shutil.copytree(copy.data, tmp_path / "data")
        (tmp_path / "data" / "ball" / "ball_00" / "gt.npz").unlink()
        (copy.place("ball_00") / "volume.npz").unlink()
        found = qualitative_pictures([copy.out], only=["ball_00"], scans=tmp_path / "data")
        picture = np.asarray(found.pictures["qualitative"])
        assert says(picture, NO_TRUTH)
        assert says(picture, "no volume: volume.npz was not written")
        assert found.remarks == [
            "ball_00: no ground truth",
            "ball_00: no volume: volume.npz was not written",
        ]
        say(copy, "ball_00", volume_refused="not asked for")
        again = qualitative_pictures([copy.out], only=["ball_00"], scans=tmp_path / "data")
        assert again.remarks[1] == "ball_00: no volume: not asked for"

    def test_successes_and_failures__by_score_and_label(self, copy: Evaluated) -> None:
        for scan, score in (("ball_00", 0.1), ("ball_01", 0.4), ("ball_02_bad", 0.3)):
            say(copy, scan, score=score)
        found = qualitative_pictures([copy.out])
        assert list(found.pictures) == ["failures"]
        assert found.remarks[0].startswith("successes: none")
        picture = np.asarray(found.pictures["failures"])
        labels = [
            "missed defect",
            "score 0.300",
            "defective",
            "above 1 of 2 good",
            "false alarm",
            "score 0.400",
            "nominal",
        ]
        first, left = find_words(picture, BOLD.line("ball_02_bad"))
        found_at = [places(picture, PLAIN.line(line)) for line in labels]
        rows = [row for found_places in found_at for row, column in found_places if column == left]
        assert len(rows) == len(labels)
        assert [first, *rows] == sorted([first, *rows])
        assert rows[3] < find_words(picture, BOLD.line("ball_01"))[0] < rows[4]
        say(copy, "ball_02_bad", score=0.5, verdict="fail")
        found = qualitative_pictures([copy.out], count=1)
        assert list(found.pictures) == ["successes"]
        assert find(np.asarray(found.pictures["successes"]), PLAIN.line("score 0.500, fail"))
        assert find(np.asarray(found.pictures["successes"]), PLAIN.line("above 2 of 2 good"))

    def test_no_labels__the_highest_scores(self, copy: Evaluated) -> None:
        for scan, score in (("ball_00", 0.1), ("ball_01", 0.4), ("ball_02_bad", 0.3)):
            say(copy, scan, score=score, anomalous=None)
        found = qualitative_pictures([copy.out], count=2)
        assert NO_LABELS in found.remarks
        picture = np.asarray(found.pictures["qualitative"])
        assert find_words(picture, BOLD.line("ball_01"))[0] < find_words(picture, BOLD.line("ball_02_bad"))[0]
        assert not places(picture, BOLD.line("ball_00"))

    def test_several_runs__are_named(self, copy: Evaluated, tmp_path: Path) -> None:
        shutil.copytree(copy.out, tmp_path / "other")
        found = qualitative_pictures([copy.out, tmp_path / "other"], only=["ball_00"])
        picture = np.asarray(found.pictures["qualitative"])
        assert find_words(picture, PLAIN.line("out"))[0] < find_words(picture, PLAIN.line("other"))[0]
        assert PLAIN.width("other") < LABEL_WIDTH

    def test_errors__one_line_each(self, copy: Evaluated) -> None:
        with pytest.raises(UsageError, match="--count: expected at least 1, found 0"):
            qualitative_pictures([copy.out], count=0)
        with pytest.raises(ModMapError, match="ball_00: no view '09'; it has 00, 01, 02"):
            drawn(copy, "ball_00", view_id="09")
        say(copy, "ball_00", source="/nowhere")
        with pytest.raises(ModMapError, match=r"\(/nowhere\), found none: name the directory of the scans"):
            drawn(copy, "ball_00")
        (copy.place("ball_01") / "maps.npz").write_bytes(b"")
        with pytest.raises(
            ModMapError, match=r"maps\.npz: expected the maps of a prediction, found a damaged"
        ):
            drawn(copy, "ball_01")
