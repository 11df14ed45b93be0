"""Structured scans of E57 files, as libE57 writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modmap.importing.e57 import e57_files
from tests.modmap.importing.clouds import image, points, turned, write_e57

pytest.importorskip("pye57")


class TestE57Files:
    def test_read__scans_with_their_poses(self, tmp_path: Path) -> None:
        poses = [turned(0, (1, 2, 3)), turned(30, (100, 0, -50))]
        files = e57_files(write_e57(tmp_path / "a.e57", [points(), points()], poses, grey=image()))
        assert [file.view_id for file in files] == ["00", "01"]
        for file, pose in zip(files, poses, strict=True):
            assert file.unit == 1000.0
            assert file.pose is not None
            np.testing.assert_allclose(file.pose[:3, :3], pose[:3, :3], atol=1e-9)
            np.testing.assert_allclose(file.pose[:3, 3] * 1000, pose[:3, 3], atol=1e-9)
            cloud = file.read()
            # What wasn't measured isn't stored: the file ends with the last row and column that have a point.
            rows, columns = cloud.points.shape[:2]
            np.testing.assert_allclose(cloud.points * 1000, points()[:rows, :columns], rtol=1e-6)
            there = np.isfinite(cloud.points).all(axis=2)
            assert cloud.image is not None
            np.testing.assert_array_equal(
                cloud.image[there], np.round(image()[:rows, :columns][there] / 255 * 65535)
            )
