"""Metrics from planted results, whose AUROC and AUPRO are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from modmap.datasets import GroundTruth, write_ground_truth
from modmap.errors import ModMapError
from modmap.runs.evaluation_metrics import common_grid, metrics_of, scan_grid
from modmap.runs.volume_files import save_volume
from modmap.scan import Scan
from modmap.volume import AnomalyVolume, VoxelGrid
from tests.synthetic_scans import ball_scan

Array = npt.NDArray[Any]
GRID = VoxelGrid(np.array([-4.0, 0.0, 8.0]), 2.0, (10, 10, 4))


def plant(
    root: Path, name: str, *, anomalous: bool | None, score: float, volume: Array, mask: Array | None
) -> Scan:
    """A scan with ground truth, and its result."""
    truth = None
    if mask is not None:
        truth = root / "truth" / f"{name}.npz"
        truth.parent.mkdir(exist_ok=True)
        write_ground_truth(truth, GroundTruth(mask, origin=GRID.origin, voxel=GRID.voxel))
    place = root / "results" / name
    place.mkdir(parents=True)
    (place / "summary.json").write_text(json.dumps({"score": score, "seconds": {"encoders": 1.5}}))
    save_volume(AnomalyVolume(GRID, volume.astype(np.float32)), place / "volume.npz")
    return replace(ball_scan(views=1), name=name, anomalous=anomalous, ground_truth=truth)


def planted(root: Path) -> list[Scan]:
    """Two nominal scans at 0.2 and 0.5; anomalous ones at 0.5 (a tie) and 0.9 with a defect of 4 voxels each.

    Of the first defect, half scores above every nominal voxel; of the second, all.
    """
    nominal = np.linspace(0, 0.2, GRID.shape[0] * 40).reshape(GRID.shape)
    empty = np.zeros(GRID.shape, bool)
    one, two = empty.copy(), empty.copy()
    one[0, 0, :], two[9, 9, :] = True, True
    first, second = nominal.copy(), nominal.copy()
    first[0, 0, :2], first[0, 0, 2:] = 0.5, -1
    second[9, 9, :] = 0.9
    unseen = nominal.copy()
    unseen[3] = np.nan
    return [
        plant(root, "00", anomalous=False, score=0.2, volume=nominal, mask=empty),
        plant(root, "01", anomalous=False, score=0.5, volume=unseen, mask=None),
        plant(root, "02_bad", anomalous=True, score=0.5, volume=first, mask=one),
        plant(root, "03_bad", anomalous=True, score=0.9, volume=second, mask=two),
    ]


class TestMetricsOf:
    def test_metrics_of__planted(self, tmp_path: Path) -> None:
        found = metrics_of(planted(tmp_path), tmp_path / "results")
        # Of the four pairs of an anomalous and a nominal scan three are right and one is a tie.
        assert found.i_auroc == pytest.approx(3.5 / 4)
        assert [scan.outranks for scan in found.scans] == [None, None, 0.75, 1.0]
        # From the top: 0.9 (anomalous), then the tie: precision 1 at recall 1/2, then 2/3 at recall 1.
        assert found.average_precision == pytest.approx(0.5 + 0.5 * 2 / 3)
        # Half of one defect and the whole of the other are found before any false alarm, the rest never.
        assert found.v_aupro == pytest.approx({0.01: 0.75, 0.05: 0.75, 0.3: 0.75})
        assert [(area.scan, area.voxels, area.area) for area in found.defects] == [
            ("02_bad", 4, pytest.approx(0.5)),
            ("03_bad", 4, pytest.approx(1.0)),
        ]
        assert found.scans[0].seconds == {"encoders": 1.5}
        assert found.notes == ()

    def test_metrics_of__a_defect_in_pieces_counts_once(self, tmp_path: Path) -> None:
        """Defect 2 is three voxels apart, all found; defect 4, of two, is not; none is numbered 1 or 3."""
        volume = np.linspace(0, 0.2, GRID.shape[0] * 40).reshape(GRID.shape)
        defect = np.zeros(GRID.shape, np.int32)
        defect[[1, 4, 7], 5, 1], defect[9, 9, :2] = 2, 4
        volume[defect == 2], volume[defect == 4] = 0.9, -1
        scan = plant(tmp_path, "02_bad", anomalous=True, score=0.9, volume=volume, mask=defect > 0)
        assert scan.ground_truth is not None
        found = metrics_of([scan], tmp_path / "results")
        assert found.v_aupro[0.01] == pytest.approx(0.75)
        truth = GroundTruth(defect > 0, origin=GRID.origin, voxel=GRID.voxel, defect=defect)
        write_ground_truth(scan.ground_truth, truth)
        found = metrics_of([scan], tmp_path / "results")
        assert found.v_aupro[0.01] == pytest.approx(0.5)
        assert [(one.index, one.voxels, round(one.area, 9)) for one in found.defects] == [
            (0, 3, 1.0),
            (1, 2, 0.0),
        ]

    def test_metrics_of__without_labels_or_truth(self, tmp_path: Path) -> None:
        volume = np.zeros(GRID.shape)
        scans = [
            plant(tmp_path, name, anomalous=None, score=0.1, volume=volume, mask=None) for name in ("a", "b")
        ]
        found = metrics_of(scans, tmp_path / "results")
        assert (found.i_auroc, found.average_precision, found.v_aupro) == (None, None, {})
        assert len(found.notes) == 2

    def test_metrics_of__anomalous_scan_without_truth_is_left_out_of_v_aupro(self, tmp_path: Path) -> None:
        scans = planted(tmp_path)
        loud = plant(tmp_path, "04_bad", anomalous=True, score=2, volume=np.full(GRID.shape, 2.0), mask=None)
        found = metrics_of([*scans, loud], tmp_path / "results")
        assert found.v_aupro[0.01] == pytest.approx(0.75)
        assert found.i_auroc == pytest.approx((3.5 + 2) / 6)

    def test_metrics_of__other_grid(self, tmp_path: Path) -> None:
        scans = planted(tmp_path)
        moved = VoxelGrid(GRID.origin + 2, GRID.voxel, GRID.shape)
        volume = AnomalyVolume(moved, np.zeros(GRID.shape, np.float32))
        save_volume(volume, tmp_path / "results" / "02_bad" / "volume.npz")
        with pytest.raises(ModMapError, match=r"02_bad/volume.npz: expected the grid of .*02_bad.npz"):
            metrics_of(scans, tmp_path / "results")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "expected the result of a prediction, found none"),
            ('{"score": 0.1', "broken JSON at line 1"),
            ('{"score": "high", "seconds": {}}', "score: expected a valid number"),
            ('{"score": NaN, "seconds": {}}', "score: expected a finite number"),
            ("[]", "expected an object of keys and values"),
        ],
    )
    def test_metrics_of__missing_or_damaged_result(
        self, tmp_path: Path, content: str | None, message: str
    ) -> None:
        scans = planted(tmp_path)
        summary = tmp_path / "results" / "01" / "summary.json"
        summary.unlink()
        if content is not None:
            summary.write_text(content)
        with pytest.raises(ModMapError, match=rf"01/summary.json: .*{message}"):
            metrics_of(scans, tmp_path / "results")

    def test_grids__own_truth_first(self, tmp_path: Path) -> None:
        scans = planted(tmp_path)
        common = common_grid(scans[1:])
        assert common is not None
        assert common.shape == GRID.shape
        np.testing.assert_array_equal(common.origin, GRID.origin)
        other = VoxelGrid(GRID.origin - 50, 5.0, (2, 2, 2))
        assert scan_grid(scans[1], other) is other
        own = scan_grid(scans[0], other)
        assert own is not None
        assert own.shape == GRID.shape
        assert common_grid(scans[1:2]) is None
        truth = GroundTruth(np.zeros((2, 3, 4), bool), origin=np.zeros(3), voxel=1.0)
        assert truth.grid.shape == (2, 3, 4)
