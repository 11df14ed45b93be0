"""What a scan says nothing of, on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plyfile import PlyData

from modmap.errors import ModMapError
from modmap.not_inspected import NotInspected
from modmap.runs.not_inspected_files import NPZ_NAME, PLY_NAME, read_not_inspected, write_not_inspected

POINTS = np.arange(12, dtype=np.float32).reshape(4, 3)
FOUND = NotInspected(POINTS, np.array([1, 2, 1, 1], np.uint8), 0.8, places=50, motion=np.eye(4))


class TestNotInspectedFiles:
    def test_write__read_back(self, tmp_path: Path) -> None:
        write_not_inspected(FOUND, tmp_path, ply=False)
        found = read_not_inspected(tmp_path)
        assert found is not None
        np.testing.assert_array_equal(found.points, POINTS)
        np.testing.assert_array_equal(found.reasons, FOUND.reasons)
        assert (found.spacing, found.places, found.share("not measured")) == (0.8, 50, 0.06)
        assert not (tmp_path / PLY_NAME).exists()

    def test_write__ply(self, tmp_path: Path) -> None:
        write_not_inspected(FOUND, tmp_path, ply=True)
        points = PlyData.read(str(tmp_path / PLY_NAME))["vertex"]
        assert points["x"].tolist() == POINTS[:, 0].tolist()
        assert points["reason"].tolist() == [1, 2, 1, 1]

    @pytest.mark.parametrize("ply", [False, True])
    def test_write__nothing_was_left_out(self, tmp_path: Path, ply: bool) -> None:
        none = replace(FOUND, points=np.zeros((0, 3), np.float32), reasons=np.zeros(0, np.uint8))
        write_not_inspected(none, tmp_path, ply=ply)
        found = read_not_inspected(tmp_path)
        assert found is not None
        assert len(found.points) == 0

    def test_read__none(self, tmp_path: Path) -> None:
        assert read_not_inspected(tmp_path) is None

    @pytest.mark.parametrize(
        "changes",
        [
            {"points": POINTS[:2]},
            {"points": np.full((4, 3), np.nan)},
            {"reasons": np.array([0, 1, 2, 3])},
            {"motion": np.eye(3)},
            {"spacing": 0.0},
            {"places": 3},
        ],
    )
    def test_read__damaged(self, tmp_path: Path, changes: dict[str, object]) -> None:
        write_not_inspected(replace(FOUND, **changes), tmp_path, ply=False)  # type: ignore[arg-type]
        with pytest.raises(ModMapError, match=r"not_inspected\.npz: expected what a scan says nothing of"):
            read_not_inspected(tmp_path)

    def test_read__no_archive(self, tmp_path: Path) -> None:
        (tmp_path / NPZ_NAME).write_bytes(b"PK\x03\x04 no more")
        with pytest.raises(ModMapError, match="found a damaged file"):
            read_not_inspected(tmp_path)
