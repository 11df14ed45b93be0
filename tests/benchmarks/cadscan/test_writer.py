"""What the records of a scan's defects tell of the views."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cadscan.assessment import Assessment
from benchmarks.cadscan.detectability import Sight
from benchmarks.cadscan.ground_truth import ground_truth
from benchmarks.cadscan.part import Defect
from benchmarks.cadscan.writer import DefectRecord, write_truth
from modmap.datasets import read_ground_truth
from modmap.volume import VoxelGrid


class TestWriteTruth:
    def test_write_truth__detectability_by_view(self, tmp_path: Path) -> None:
        """Views that reach a d' of 5 count, the one that just does among them."""
        sights = (Sight(3.0, 4.0, 12), Sight(0.0, 4.9994, 7), Sight(0.0, 0.0, 0), Sight(30.00049, 0.0, 99))
        windows, shown, unseen = (None,) * 4, np.array([3, 4, 9]), np.array([20, 23])
        defect = Defect("dent", np.zeros(3), 7.00004, 0.5, "both", np.zeros((1, 3)))
        record = DefectRecord(defect, np.array([1.0, 2, 3]), Assessment(sights, windows, shown, unseen), 2)
        grid = VoxelGrid(np.zeros(3), 2.0, (2, 3, 4))
        write_truth(tmp_path, ground_truth([shown], [unseen], grid), [record])
        (found,) = json.loads((tmp_path / "defects.json").read_text())
        assert found["by_view"] == {
            "00": {"depth": 3.0, "image": 4.0, "both": 5.0, "pixels": 12},
            "01": {"depth": 0.0, "image": 4.999, "both": 4.999, "pixels": 7},
            "02": {"depth": 0.0, "image": 0.0, "both": 0.0, "pixels": 0},
            "03": {"depth": 30.0, "image": 0.0, "both": 30.0, "pixels": 99},
        }
        assert found["views"] == 2
        known = found["detectability"]
        assert (known["best_view"], known["pixels"]) == (30.0, 118)
        assert known["depth"] == pytest.approx(math.hypot(3, 30.00049), abs=6e-4)
        assert known["image"] == pytest.approx(math.hypot(4, 4.9994), abs=6e-4)
        assert known["both"] == pytest.approx(math.hypot(3, 30.00049, 4, 4.9994), abs=6e-4)
        assert (found["voxels"], found["voxels_measured"], found["voxels_unseen"]) == (3, 2, 2)
        assert (found["kind"], found["size_mm"], found["centre_mm"]) == ("dent", 7.0, [1, 2, 3])
        truth = read_ground_truth(tmp_path / "gt.npz")
        assert truth.unseen is not None
        assert truth.defect is not None
        assert truth.defect.flat[shown].tolist() == [1, 1, 1]
        assert np.flatnonzero(truth.mask).tolist() == shown.tolist()
        assert np.flatnonzero(truth.unseen).tolist() == unseen.tolist()
