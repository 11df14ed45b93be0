"""Alignment against the truth: motions that are known, and what is said where none is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.evaluations.alignment_error import alignment_error, main, seen_from
from modmap.alignment.motion import degrees_of, inverse, motion_of
from tests.modmap.alignment.blobs import ring, surfaces

MOTION = motion_of(np.array([0.02, -0.01, 0.03, 1.5, -0.7, 0.4]), about=np.array([5.0, 3.0, 1.0]))

EXACT = {f"{number:02d}": np.eye(4) for number in range(8)}


class TestAlignmentError:
    def test_alignment_error__of_a_known_motion(self) -> None:
        nominal, new = surfaces(ring(8)), surfaces(ring(8), motion=MOTION)
        found = alignment_error(nominal, new, inverse(MOTION), errors=(EXACT, EXACT))
        assert found.shift < 0.03
        assert found.turn < 0.03
        assert found.surface < 0.02 < 0.3 < found.before
        assert found.apart == pytest.approx((0, 0), abs=1e-3)
        # Against another truth, the error is what that one is off.
        aside = motion_of(np.array([0.0, 0.0, np.radians(0.5), 0.0, 0.0, 0.3]), about=np.zeros(3))
        other = alignment_error(nominal, new, aside @ inverse(MOTION), errors=(EXACT, EXACT))
        assert other.turn == pytest.approx(degrees_of(aside), abs=0.03)
        assert other.surface > 0.1

    def test_alignment_error__apart_is_what_the_cameras_do(self) -> None:
        """All of the new scan's cameras are off by the same motion of the world: so is what is found."""
        nominal, new = surfaces(ring(8)), surfaces(ring(8), motion=MOTION)
        aside = motion_of(np.array([0, 0, 0, 0.3, 0, 0]), about=np.zeros(3))
        errors = {
            view_id: surface.camera.T_world_to_camera @ aside @ inverse(surface.camera.T_world_to_camera)
            for view_id, surface in new.items()
        }
        found = alignment_error(nominal, new, inverse(MOTION), errors=(EXACT, errors))
        assert found.apart[0] == pytest.approx(0.3, abs=0.02)
        assert found.apart[1] < 0.03
        assert found.shift < 0.03


class TestSeenFrom:
    def test_seen_from__each_point_stays_under_its_pixel(self) -> None:
        (view_id, surface), *_ = surfaces(ring(8)).items()
        error = motion_of(np.array([0.001, 0.002, 0, 0.1, 0.2, 0.3]), about=np.zeros(3))
        found = seen_from({view_id: surface}, {view_id: error})[view_id]
        rows, columns = np.nonzero(surface.smooth)
        uv, z = found.camera.project(found.points[rows, columns].astype(np.float64))
        np.testing.assert_allclose(uv, np.stack([columns, rows], axis=1), atol=1e-2)
        np.testing.assert_allclose(z, surface.depth[rows, columns], rtol=1e-5)


class TestMain:
    @pytest.fixture
    def data(self, balls: Path, tmp_path: Path) -> Path:
        root = shutil.copytree(balls, tmp_path / "balls")
        for directory in root.glob("*/*/"):
            if directory.is_dir():
                still = np.eye(4).tolist()
                views = sorted(path.stem for path in directory.glob("depth/*"))
                content = {"T_part_to_world": still, "camera_error": {view: still for view in views}}
                (directory / "placement.json").write_text(json.dumps(content))
        return root

    def test_main__a_row_of_each_category(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--root", str(data), "--scans", "1"]) == 0
        rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if "|" in line]
        assert [row[0] for row in rows[2:]] == ["large_ball", "small_ball", "all"]
        assert all(float(row[3]) < 0.1 for row in rows[2:])

    def test_main__without_a_placement(self, balls: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--root", str(balls)]) == 2
        assert "placement.json: expected a JSON file, found none" in capsys.readouterr().err
