"""Parts laid on scans of them, whose depth has a closed form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from modmap.alignment.align import AlignmentError
from modmap.alignment.motion import moved
from modmap.cad.nominal_scan import nominal_scan
from modmap.errors import ModMapError
from tests.modmap.cad.parts import balls_depth, balls_mesh, balls_scan, cameras, write_balls


def _away(motion: np.ndarray[tuple[int, ...], np.dtype[np.float64]], found: object) -> float:
    """How far, at most, a corner of the part lies from where the scan has it, mm."""
    vertices = np.asarray(balls_mesh().vertices)
    laid = moved(np.asarray(found) @ motion, vertices)
    return float(np.linalg.norm(laid - vertices, axis=1).max())


class TestNominalScan:
    @pytest.mark.parametrize(
        "motion",
        [
            np.eye(4),
            trimesh.transformations.translation_matrix([500, -200, 90]),
            trimesh.transformations.euler_matrix(np.pi / 2, 0, 0)
            @ trimesh.transformations.euler_matrix(0, 0, 0.6)
            @ trimesh.transformations.translation_matrix([9, 9, 9]),
        ],
        ids=["as_it_lies", "shifted", "another_side_up"],
    )
    def test_nominal__is_laid_on_the_scan(
        self, motion: np.ndarray[tuple[int, ...], np.dtype[np.float64]], tmp_path: Path
    ) -> None:
        scan = balls_scan(views=3)
        made = nominal_scan(write_balls(tmp_path / "balls.ply", motion), scan, unit="mm")
        assert _away(motion, made.placement.T_part_to_world) < 0.5
        assert made.placement.overlap is not None
        assert made.placement.overlap > 0.9
        for view, camera in zip(made.views, cameras(3), strict=True):
            frame = view()
            exact = balls_depth(camera)
            both = (frame.depth > 0) & (exact > 0)
            assert np.median(np.abs(frame.depth - exact)[both]) < 0.1
            assert np.mean((frame.depth > 0) != (exact > 0)) < 0.01

    def test_nominal__placed_is_left_where_it_is_drawn(self, tmp_path: Path) -> None:
        scan = balls_scan()
        made = nominal_scan(write_balls(tmp_path / "balls.stl"), scan, unit="mm", placed=True)
        np.testing.assert_array_equal(made.placement.T_part_to_world, np.eye(4))
        assert [view().id for view in made.views] == list(scan.view_ids)

    def test_nominal__a_part_that_no_camera_sees(self, tmp_path: Path) -> None:
        away = trimesh.transformations.translation_matrix([0, 0, 5000])
        part = write_balls(tmp_path / "balls.stl", away)
        with pytest.raises(
            ModMapError, match=r"expected a part that a camera of balls sees, found none of it in 4"
        ):
            nominal_scan(part, balls_scan(), unit="mm", placed=True)

    def test_nominal__a_view_that_sees_nothing_is_noted(self, tmp_path: Path) -> None:
        scan = balls_scan()
        first = scan.views[0]
        assert first.camera is not None
        turned = np.diag([1.0, -1.0, -1.0, 1.0]) @ first.camera.T_world_to_camera
        aside = replace(first, camera=replace(first.camera, T_world_to_camera=turned))
        odd = replace(scan, views=(aside, *scan.views[1:]))
        made = nominal_scan(write_balls(tmp_path / "balls.stl"), odd, unit="mm", placed=True)
        assert "view 00 sees nothing of the part" in made.notes

    def test_nominal__another_unit(self, tmp_path: Path) -> None:
        part = write_balls(tmp_path / "balls.stl")
        with pytest.raises(
            ModMapError, match=r"expected a part of about the scan's size, .*: is its unit another"
        ):
            nominal_scan(part, balls_scan(), unit="cm")

    def test_nominal__another_part(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("modmap.cad.pose_search.ANGLES", [0.0, 1.0])  # fewer turns, in less time
        trimesh.creation.box((150, 6, 90)).export(tmp_path / "plate.stl")
        with pytest.raises(AlignmentError, match="expected 60% of the scan's surface on the nominal part's"):
            nominal_scan(tmp_path / "plate.stl", balls_scan(), unit="mm")

    def test_nominal__a_scan_without_depth(self, tmp_path: Path) -> None:
        scan = balls_scan()
        empty = replace(
            scan, views=[replace(view, depth=np.zeros_like(np.asarray(view.depth))) for view in scan.views]
        )
        with pytest.raises(
            ModMapError, match="expected a scan that shows the part's surface, found 0 points"
        ):
            nominal_scan(write_balls(tmp_path / "balls.stl"), empty, unit="mm")

    def test_nominal__a_scan_without_cameras(self, tmp_path: Path) -> None:
        scan = balls_scan()
        blind = replace(scan, views=[replace(view, camera=None) for view in scan.views])
        with pytest.raises(ModMapError, match=r"needs a camera for every view"):
            nominal_scan(write_balls(tmp_path / "balls.stl"), blind, unit="mm")
