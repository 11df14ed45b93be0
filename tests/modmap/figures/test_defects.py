"""A dented ball's defects: what is said of each, and where its pictures show the dent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from modmap.cli import main
from modmap.datasets import write_scan
from modmap.defects import read_defects
from modmap.detector.model import ModMap
from modmap.drawing.colours import BELOW
from modmap.drawing.table import BOLD, PLAIN
from modmap.figures.defects import FRAME, SIDE, defects_picture
from modmap.runs.predict import write_result
from modmap.scan import Scan
from tests.modmap.detector.balls import SETTINGS, ball
from tests.modmap.drawing.pixels import find_words

DENT = 3.0


def _predicted(root: Path, *, calibrated: bool) -> Path:
    nominal = ball("nominal")
    write_scan(ball("dented", dent=DENT), root / "dented")
    model = ModMap(device="cpu", settings=SETTINGS).fit(nominal)
    if calibrated:
        model.calibrate(nominal)
    scan = Scan.load(root / "dented")
    write_result(
        model.predict(scan), scan, root / "out", model=model, formats=(), overlays=False, nominal=nominal
    )
    return root / "out"


@pytest.fixture(scope="module")
def dented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _predicted(tmp_path_factory.mktemp("defects"), calibrated=True)


class TestDefectsPicture:
    def test_row__says_and_shows_the_dent(self, dented: Path) -> None:
        (defect, *_) = read_defects(dented)
        assert defect.depth_mm == pytest.approx(-DENT, abs=0.5)
        picture = np.asarray(defects_picture(dented, most=1))
        row, _ = find_words(picture, BOLD.line("defect 1"))
        find_words(picture, PLAIN.line(f"{-defect.depth_mm:.2g} mm missing"))
        left = {
            name: find_words(picture, PLAIN.line(name))[1]
            for name in ("view", "nominal part", "this part", "deviation")
        }
        assert list(left.values()) == sorted(left.values())
        middle = slice(row + SIDE // 2 - 3, row + SIDE // 2 + 3)
        deviation = picture[middle, left["deviation"] + SIDE // 2 - 3 : left["deviation"] + SIDE // 2 + 3]
        assert np.abs(deviation.astype(int) - BELOW).max() < 60
        whole = picture[row : row + SIDE, left["view"] : left["nominal part"]]
        framed = np.argwhere((whole == FRAME).all(axis=2))
        # The dent is in the middle of the view, and so is its frame: of 160 x 120 pixels.
        np.testing.assert_allclose(framed.mean(axis=0), [60, 80], atol=4)

    def test_count__says_how_many_there_are(self, dented: Path) -> None:
        many = len(read_defects(dented))
        picture = np.asarray(defects_picture(dented))
        find_words(picture, PLAIN.line("1 defect" if many == 1 else f"{many} defects"))

    def test_picture__of_a_scan_without_defects_says_so(self, dented: Path, tmp_path: Path) -> None:
        passed = shutil.copytree(dented, tmp_path / "passed")
        record = json.loads((passed / "defects.json").read_text())
        (passed / "defects.json").write_text(json.dumps(record | {"defects": []}))
        picture = np.asarray(defects_picture(passed))
        find_words(picture, PLAIN.line("no defects"))


class TestCommand:
    def test_defects__writes_what_it_prints(
        self, dented: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as stop:
            main(["figures", "defects", str(dented), "-o", str(tmp_path)])
        assert not stop.value.code
        assert capsys.readouterr().out == f"{tmp_path / 'defects.png'}\n"
        assert (tmp_path / "defects.png").stat().st_size > 1000

    def test_defects__of_a_model_without_thresholds(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        place = _predicted(tmp_path, calibrated=False)
        for words, said in (
            ([str(place)], "expected a prediction by a calibrated model"),
            ([str(tmp_path)], "found no summary.json"),
            ([str(place), "--count", "0"], "--count: expected at least 1, found 0"),
        ):
            with pytest.raises(SystemExit) as stop:
                main(["figures", "defects", *words, "-o", str(tmp_path / "pictures")])
            assert stop.value.code == 2
            error = capsys.readouterr().err
            assert said in error
            assert error.count("\n") == 1
