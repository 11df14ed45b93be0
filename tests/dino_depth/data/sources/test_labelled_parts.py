"""Parts with their defects, cut out of their views."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from dino_depth.data.sources.labelled_parts import labelled_parts
from dino_depth.errors import DinoDepthError
from tests.single_view_sets import write_mvtec3d


class TestLabelledParts:
    def test_labelled_parts__nominal_and_test_parts_with_their_masks(self, tmp_path: Path) -> None:
        category = write_mvtec3d(tmp_path) / "bagel"
        nominal, test = labelled_parts(category)
        assert [part.name for part in nominal] == [f"train/good/00{index}" for index in range(3)]
        assert [(part.name, part.anomalous) for part in test] == [
            ("test/good/000", False),
            ("test/good/001", False),
            ("test/hole/000", True),
            ("test/hole/001", True),
        ]
        for part in (*nominal, *test):
            assert part.points.shape == (*part.defect.shape, 3)
            assert part.defect.any() == part.anomalous
        truth = cv2.imread(str(category / "test" / "hole" / "gt" / "001.png"), cv2.IMREAD_GRAYSCALE)
        assert truth is not None
        assert test[3].defect.sum() == (truth > 0).sum()
        # In mm, as the cloud is in metres; the part is in the middle, with a margin around it.
        cloud = cv2.imread(str(category / "test" / "hole" / "xyz" / "001.tiff"), cv2.IMREAD_UNCHANGED)
        assert cloud is not None
        z = test[3].points[:, :, 2]
        assert np.isin(z[z > 0], (cloud[:, :, 0] * 1000).astype(np.float32)).all()
        rows = np.flatnonzero((z > 0).any(axis=1))
        columns = np.flatnonzero((z > 0).any(axis=0))
        for first, last in ((rows[0], rows[-1]), (columns[0], columns[-1])):
            assert abs((first + last) / 2 - (len(z) - 1) / 2) <= 1
        assert max(np.ptp(rows), np.ptp(columns)) == pytest.approx(len(z) / 1.2, abs=2)

    def test_labelled_parts__mistakes(self, tmp_path: Path) -> None:
        category = write_mvtec3d(tmp_path) / "bagel"
        mask = category / "test" / "hole" / "gt" / "000.png"
        mask.rename(tmp_path / "aside.png")
        with pytest.raises(DinoDepthError, match=r"gt/000.png: expected a mask of .* found no readable file"):
            labelled_parts(category)
        cv2.imwrite(str(mask), np.zeros((3, 4), np.uint8))
        with pytest.raises(DinoDepthError, match=r"gt/000.png: expected a mask of .* found \(3, 4\)"):
            labelled_parts(category)
        shutil.rmtree(category / "test" / "hole")
        with pytest.raises(
            DinoDepthError, match="expected good and defective test parts, found good ones alone"
        ):
            labelled_parts(category)
        with pytest.raises(DinoDepthError, match=r"expected files \.tiff, found none"):
            labelled_parts(tmp_path / "none")
