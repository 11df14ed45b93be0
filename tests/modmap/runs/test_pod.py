"""A study on disk: what it leaves, that it resumes, and the lines that it refuses with."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plyfile import PlyData

from modmap.datasets import write_scan
from modmap.detector.model import ModMap
from modmap.errors import ModMapError, UsageError
from modmap.pod.record import PodRecord, read_record, sentences, write_record
from modmap.runs.pod import run_study
from modmap.runs.pod_study import STUDY, Study
from modmap.runs.pod_trials import TRIALS
from modmap.runs.volume_files import load_volume
from tests.modmap.pod.conftest import fitted
from tests.modmap.pod.plates import plate_scan

Run = Callable[..., int]
SMALL = Study(kinds=("dent", "bump"), sizes=(3.0, 30.0), count=24, seed=1, per_copy=12)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a study."""
    return tmp_path_factory.mktemp("pod") / "study"


@pytest.fixture(scope="module")
def record(place: Path) -> PodRecord:
    """What the study found."""
    model, good = fitted()
    return run_study(model, [good.scan], place, SMALL)


class TestRunStudy:
    def test_run_study__says_what_was_found(self, record: PodRecord, place: Path) -> None:
        with (place / "trials.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        tried = sum(curve.count for curve in record.curves.values())
        assert tried == len(rows) == 24 - sum(record.no_place.values())
        for kind, curve in record.curves.items():
            of_kind = [row for row in rows if row["kind"] == kind]
            assert curve.hits == sum(row["hit"] == "1" for row in of_kind)
        large = [row["hit"] == "1" for row in rows if float(row["size_mm"]) > 15]
        small = [row["hit"] == "1" for row in rows if float(row["size_mm"]) < 5]
        assert np.mean(large) > 0.6
        assert np.mean(small) < 0.3
        assert record.false_calls == {"good": 0}
        assert read_record(place) == record
        assert any("dent" in line for line in sentences(record))

    def test_run_study__resumes_and_ends_alike(
        self, record: PodRecord, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model, good = fitted()
        done = (place / TRIALS).read_text().splitlines()
        (tmp_path / STUDY).write_bytes((place / STUDY).read_bytes())
        # Killed while the last line was being written.
        (tmp_path / TRIALS).write_text("\n".join([*done[:-1], done[-1][:40]]))
        predicted = []
        predict = ModMap.predict
        monkeypatch.setattr(
            ModMap, "predict", lambda self, scan: predicted.append(scan.name) or predict(self, scan)
        )
        again = run_study(model, [good.scan], tmp_path, SMALL)
        assert len(predicted) == 1
        kept = {"date", "seconds"}
        assert again.model_dump(exclude=kept) == record.model_dump(exclude=kept)
        assert (tmp_path / "trials.csv").read_bytes() == (place / "trials.csv").read_bytes()

    def test_run_study__another_study_in_the_directory(self, record: PodRecord, place: Path) -> None:
        model, good = fitted()
        with pytest.raises(UsageError, match="found one with another seed"):
            run_study(model, [good.scan], place, replace(SMALL, seed=2))

    def test_run_study__other_files_in_the_directory(self, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("")
        model, good = fitted()
        with pytest.raises(UsageError, match="found other files"):
            run_study(model, [good.scan], tmp_path, SMALL)

    def test_run_study__uncalibrated(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        model, good = fitted()
        monkeypatch.setattr(model, "calibrations", {})
        with pytest.raises(ModMapError, match="run modmap calibrate"):
            run_study(model, [good.scan], tmp_path / "out", SMALL)

    def test_run_study__a_model_keeps_what_is_its_own(self, record: PodRecord, tmp_path: Path) -> None:
        model, _ = fitted()
        assert record.belongs_to(model.fingerprint, model.calibrations[""])
        assert not record.belongs_to("another", model.calibrations[""])
        assert not record.belongs_to(
            model.fingerprint, model.calibrations[""].model_copy(update={"scan_threshold": 3.0})
        )
        write_record(record, tmp_path)
        text = json.loads((tmp_path / "pod.json").read_text())
        (tmp_path / "pod.json").write_text(json.dumps(text | {"format": 7}))
        with pytest.raises(ModMapError, match="format 1, found 7"):
            read_record(tmp_path)


class TestStudy:
    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"kinds": ()}, "kinds"),
            ({"kinds": ("dent", "dent")}, "each once"),
            ({"sizes": (5.0, 2.0)}, "found 5:2"),
            ({"sizes": (0.0, 2.0)}, "SMALLEST:LARGEST"),
            ({"count": 0}, "count"),
            ({"per_copy": 0}, "per-copy"),
            ({"seed": -1}, "seed"),
        ],
    )
    def test_check__refuses(self, changes: dict[str, object], why: str) -> None:
        with pytest.raises(UsageError, match=why):
            replace(SMALL, **changes).check()  # type: ignore[arg-type]


class TestCommand:
    def test_pod__from_scans_on_disk(
        self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pytest.importorskip("k3d")
        model, _ = fitted()
        model.save_pretrained(tmp_path / "model")
        write_scan(plate_scan("good", seed=1), tmp_path / "good")
        words = ["pod", tmp_path / "model", tmp_path / "good", "-o", tmp_path / "pod", "--kinds", "dent"]
        assert run(*words, "--sizes", "6:40", "--count", "24", "--seed", "4") == 0
        shown = capsys.readouterr().out
        assert "dent: " in shown
        assert "threshold 2" in shown
        kept = read_record(tmp_path / "model")
        assert kept is not None
        assert kept == read_record(tmp_path / "pod")
        assert kept.curves["dent"].a50 is not None
        page = (tmp_path / "pod" / "report.html").read_text()
        assert "Blind places" in page
        volume = load_volume(tmp_path / "pod" / "smallest_dent.npz")
        assert 6 <= np.nanmin(volume.scores) <= np.nanmax(volume.scores) <= 40
        assert run("predict", tmp_path / "model", tmp_path / "good", "-o", tmp_path / "out") == 0
        finds = json.loads((tmp_path / "out" / "good" / "summary.json").read_text())["finds"]
        assert finds == sentences(kept)
        assert run("report", tmp_path / "out") == 0
        assert "What this set-up finds" in (tmp_path / "out" / "good" / "report.html").read_text()
        points = PlyData.read(str(tmp_path / "pod" / "smallest_dent.ply"))["vertex"]
        np.testing.assert_array_equal(
            points["smallest_dent_mm"], volume.scores[volume.observed].astype(np.float32)
        )
        assert b"smallest_dent_mm" in (tmp_path / "pod" / "smallest_dent.vti").read_bytes()[:2000]

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            (["nowhere", "good"], "directory of a model"),
            (["model"], "good scan"),
            (["model", "good", "--sizes", "5"], "5"),
        ],
    )
    def test_pod__usage(
        self, run: Run, tmp_path: Path, words: list[str], why: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "model").mkdir()
        (tmp_path / "good").mkdir()
        given = [tmp_path / word if word in ("model", "nowhere", "good") else word for word in words]
        assert run("pod", *given, "-o", tmp_path / "out") == 2
        error = capsys.readouterr().err
        assert why in error
        assert error.strip().count("\n") == 0
