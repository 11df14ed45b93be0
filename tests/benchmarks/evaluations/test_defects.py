"""Precision, recall and centre error on volumes drawn by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.evaluations.defect_records import DefectRecord, records_of_components
from benchmarks.evaluations.defects import (
    Matches,
    TrueDefect,
    category_matches,
    main,
    matches,
    true_defects,
)
from modmap.datasets import GroundTruth, write_ground_truth
from modmap.errors import ModMapError
from modmap.runs.volume_files import save_volume
from modmap.scan import Scan, View
from modmap.volume import AnomalyVolume, VoxelGrid

Array = npt.NDArray[Any]

SHAPE = (30, 20, 10)


def _block(x: int, size: int = 3) -> Array:
    """Centres of a cube of voxels of 1 mm."""
    side = np.arange(size) + 0.5
    return np.stack(np.meshgrid(x + side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)


class TestMatches:
    def test_matches__one_right_one_wrong_one_missed(self) -> None:
        truth = [TrueDefect("dent", _block(0)), TrueDefect("scratch", _block(20))]
        found = matches([_block(1), _block(10)], truth)
        assert (found.reported, found.right, found.true, found.found) == (2, 1, 2, 1)
        assert found.centre_errors == pytest.approx([1.0])
        assert [one.kind for one in found.missed] == ["scratch"]
        assert found.row()["precision"] == found.row()["recall"] == 0.5

    def test_matches__a_huge_report_is_no_hit(self) -> None:
        assert matches([_block(0, 20)], [TrueDefect("", _block(0))], slack=0.1).found == 0

    def test_matches__slack(self) -> None:
        truth = [TrueDefect("", _block(0))]
        assert matches([_block(5)], truth, slack=2.9).found == 0
        assert matches([_block(5)], truth, slack=3.0).found == 1

    def test_matches__pieces_of_one_defect_are_all_right(self) -> None:
        found = matches([_block(0, 2), _block(4, 1)], [TrueDefect("", _block(0, 5))])
        assert (found.right, found.found) == (2, 1)
        assert found.centre_errors == pytest.approx([np.sqrt(3) * 1.5])

    def test_matches__nothing(self) -> None:
        row = matches([], []).row()
        assert (row["precision"], row["recall"], row["centre_error_mm_median"]) == (None, None, None)


class TestCategoryMatches:
    @staticmethod
    def _scan(
        root: Path, name: str, hot: list[int], true: list[int], anomalous: bool, **summary: Any
    ) -> Scan:
        scores = np.full(SHAPE, 0.1, dtype=np.float32)
        scores[0, 0, 0] = 0.2
        mask = np.zeros(SHAPE, dtype=bool)
        for x in hot:
            scores[x : x + 3, 5:8, 5:8] = 0.9
        for x in true:
            mask[x : x + 3, 5:8, 5:8] = True
        save_volume(AnomalyVolume(VoxelGrid(np.zeros(3), 1.0, SHAPE), scores), root / name / "volume.npz")
        (root / name / "summary.json").write_text(json.dumps(summary))
        write_ground_truth(root / name / "gt.npz", GroundTruth(mask, np.zeros(3), 1.0))
        flat = np.ones((4, 4), dtype=np.float32)
        views = (View("00", flat.astype(np.uint8), flat),)
        return Scan(name, views, anomalous=anomalous, ground_truth=root / name / "gt.npz", root=root / name)

    def test_category__thresholds_of_the_good_scans(self, tmp_path: Path) -> None:
        scans = [
            self._scan(tmp_path, "good_0", [], [], False),
            self._scan(tmp_path, "good_1", [], [], False),
            self._scan(tmp_path, "bad", [10, 20], [10, 15], True),
        ]
        found = category_matches(scans, tmp_path)
        # The blocks at 15 and 20 are 2 mm apart: within the slack, but their edges alone.
        assert (found.reported, found.true) == (2, 2)
        assert found.centre_errors[0] == pytest.approx(0, abs=1e-6)

    def test_category__what_is_missed_is_told_with_the_score_there(self, tmp_path: Path) -> None:
        scans = [
            self._scan(tmp_path, "good_0", [], [], False),
            self._scan(tmp_path, "good_1", [], [], False),
            self._scan(tmp_path, "bad", [10], [10, 20], True),
        ]
        (missed,) = category_matches(scans, tmp_path).missed
        assert missed.scan == "bad"
        assert missed.voxels[:, 0].min() == 20.5
        # A report needs more than the largest of the good scans, 0.2; there is 0.1.
        assert missed.said == pytest.approx(0.5)

    def test_category__a_calibrated_models_own(self, tmp_path: Path) -> None:
        own = {
            "basis": "conformal",
            "false_alarm_rate": 0.5,
            "surface_share": 0.001,
            "scans": ["a"],
            "views": ["00"],
            "scores": [1.0],
            "scan_threshold": 1.0,
            "pixel_threshold": 0.5,
            "voxel_threshold": 0.5,
        }
        scan = self._scan(tmp_path, "bad", [10], [10], True, calibration=own)
        assert category_matches([scan], tmp_path).reported == 0

    def test_category__no_threshold(self, tmp_path: Path) -> None:
        scan = self._scan(tmp_path, "bad", [10], [10], True)
        with pytest.raises(ModMapError, match="scan bad: expected a calibrated model or other good scans"):
            category_matches([scan], tmp_path)


class TestTrueDefects:
    @staticmethod
    def _scan(tmp_path: Path, truth: GroundTruth) -> Scan:
        """A scan with a dent and a chip."""
        write_ground_truth(tmp_path / "gt.npz", truth)
        records = [
            {"kind": kind, "size_mm": 4, "modality": "both", "centre_mm": centre}
            for kind, centre in (("dent", [4, 2, 2]), ("chip", [25, 15, 5]))
        ]
        (tmp_path / "defects.json").write_text(json.dumps(records))
        flat = np.ones((4, 4), dtype=np.float32)
        views = (View("00", flat.astype(np.uint8), flat),)
        return Scan("s", views, ground_truth=tmp_path / "gt.npz", root=tmp_path)

    def test_true__pieces_of_one_record_are_one(self, tmp_path: Path) -> None:
        mask = np.zeros(SHAPE, dtype=bool)
        mask[2, 2, 2] = mask[5, 2, 2] = mask[25, 15, 5] = True
        scan = self._scan(tmp_path, GroundTruth(mask, np.zeros(3), 1.0))
        assert [(one.kind, len(one.voxels)) for one in true_defects(scan)] == [("dent", 2), ("chip", 1)]

    def test_true__as_the_ground_truth_says_and_not_the_nearest(self, tmp_path: Path) -> None:
        defect = np.zeros(SHAPE, dtype=int)
        defect[2, 2, 2], defect[5, 2, 2], defect[25, 15, 5] = 2, 1, 2
        scan = self._scan(tmp_path, GroundTruth(defect > 0, np.zeros(3), 1.0, defect=defect))
        assert [(one.kind, len(one.voxels)) for one in true_defects(scan)] == [("dent", 1), ("chip", 2)]
        assert [one.kind for one in records_of_components(scan)] == ["dent", "chip"]

    def test_true__a_record_of_which_nothing_is_in_the_mask(self, tmp_path: Path) -> None:
        defect = np.zeros(SHAPE, dtype=int)
        defect[2, 2, 2] = defect[5, 2, 2] = 2
        scan = self._scan(tmp_path, GroundTruth(defect > 0, np.zeros(3), 1.0, defect=defect))
        assert [(one.kind, len(one.voxels)) for one in true_defects(scan)] == [("chip", 2)]

    def test_true__a_defect_that_is_not_recorded(self, tmp_path: Path) -> None:
        defect = np.zeros(SHAPE, dtype=int)
        defect[2, 2, 2] = 3
        scan = self._scan(tmp_path, GroundTruth(defect > 0, np.zeros(3), 1.0, defect=defect))
        with pytest.raises(
            ModMapError, match=r"gt\.npz: expected defects 1 to 2, as in defects\.json, found 3"
        ):
            true_defects(scan)


class TestMain:
    def test_main__prints_what_is_missed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        record = DefectRecord("stain", 4.25, "image", (0.0, 0.0, 0.0), 13.4)
        missed = [TrueDefect("stain", _block(0), record, "cup_03_bad", 0.512)]
        monkeypatch.setattr(
            "benchmarks.evaluations.defects.category_matches", lambda *_, **__: Matches(true=1, missed=missed)
        )
        (tmp_path / "results" / "ball" / "scans").mkdir(parents=True)
        (tmp_path / "data" / "ball" / "ball_real").mkdir(parents=True)
        monkeypatch.setattr("modmap.datasets.SiM3D.tests", lambda *_: [])
        assert main(["--data", str(tmp_path / "data"), "--results", str(tmp_path / "results")]) == 0
        printed = " ".join(capsys.readouterr().out.split())
        assert "| cup_03_bad | stain | 4.2 | image | 13 | 0.51 |" in printed

    def test_main__no_run(self, balls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--data", str(balls), "--results", str(tmp_path / "none")]) == 2
        assert "none: expected the directory of a run, found none" in capsys.readouterr().err
