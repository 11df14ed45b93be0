"""Alignment against the truth: motions that are known, and what is said where none is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.evaluations.alignment_error import alignment_error, main
from modmap.alignment.motion import degrees_of, inverse, motion_of
from tests.modmap.alignment.blobs import ring, surfaces

MOTION = motion_of(np.array([0.02, -0.01, 0.03, 1.5, -0.7, 0.4]), about=np.array([5.0, 3.0, 1.0]))


class TestAlignmentError:
    def test_alignment_error__of_a_known_motion(self) -> None:
        nominal, new = surfaces(ring(8)), surfaces(ring(8), motion=MOTION)
        found = alignment_error(nominal, new, inverse(MOTION))
        assert found.shift < 0.03
        assert found.turn < 0.03
        assert found.surface < 0.02 < 0.3 < found.before
        # Against another truth, the error is what that one is off.
        aside = motion_of(np.array([0.0, 0.0, np.radians(0.5), 0.0, 0.0, 0.3]), about=np.zeros(3))
        other = alignment_error(nominal, new, aside @ inverse(MOTION))
        assert other.turn == pytest.approx(degrees_of(aside), abs=0.03)
        assert other.surface > 0.1


class TestMain:
    @pytest.fixture
    def data(self, balls: Path, tmp_path: Path) -> Path:
        root = shutil.copytree(balls, tmp_path / "balls")
        for directory in root.glob("*/*/"):
            if directory.is_dir():
                (directory / "placement.json").write_text(json.dumps({"T_part_to_world": np.eye(4).tolist()}))
        return root

    def test_main__a_row_of_each_category(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--root", str(data), "--scans", "1"]) == 0
        rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if "|" in line]
        assert [row[0] for row in rows[2:]] == ["large_ball", "small_ball", "all"]
        assert all(float(row[3]) < 0.1 for row in rows[2:])

    def test_main__without_a_placement(self, balls: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--root", str(balls)]) == 2
        assert "placement.json: expected a JSON file, found none" in capsys.readouterr().err
