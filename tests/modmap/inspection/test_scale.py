"""A scan in another unit than the nominal one is told so, and by which."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modmap.camera import Camera
from modmap.errors import ModMapError
from modmap.inspection.nominal_shown import NominalShown
from modmap.inspection.scale import require_scale
from modmap.inspection.view_shown import ViewShown
from modmap.scan import Scan
from tests.modmap.inspection.cut_scans import cut, in_unit
from tests.synthetic_scans import ball_scan


def _shown(scan: Scan) -> dict[str, ViewShown]:
    return {frame.id: ViewShown.of(frame, frame.depth > 0) for frame in scan.frames()}


def _told(scan: Scan) -> tuple[str, ...]:
    return require_scale(NominalShown.of(list(_shown(ball_scan()).values())), _shown(scan), scan="new")


def _poses(scan: Scan, factor: float) -> Scan:
    views = []
    for view in scan.views:
        assert view.camera is not None
        pose = np.array(view.camera.T_world_to_camera)
        pose[:3, 3] *= factor
        views.append(replace(view, camera=Camera(view.camera.K, pose, size=view.camera.size)))
    return replace(scan, views=tuple(views))


class TestRequireScale:
    @pytest.mark.parametrize(
        ("factor", "unit"),
        [
            (0.001, '"m"'),
            (0.1, "centimetres"),
            (1 / 25.4, "inches"),
            (10.0, '"0.1mm"'),
            (1000.0, "micrometres"),
        ],
    )
    def test_require_scale__depth_in_another_unit(self, factor: float, unit: str) -> None:
        with pytest.raises(
            ModMapError, match=r"^scan new: depth unit: expected the part about 2\d\d.* mm"
        ) as error:
            _told(in_unit(ball_scan(), factor))
        assert unit in str(error.value)

    @pytest.mark.parametrize(("factor", "unit"), [(0.001, '"m"'), (1000.0, "micrometres")])
    def test_require_scale__poses_in_another_unit(self, factor: float, unit: str) -> None:
        with pytest.raises(
            ModMapError, match=r"^scan new: pose unit: expected the cameras about 27"
        ) as error:
            _told(_poses(ball_scan(), factor))
        assert unit in str(error.value)

    def test_require_scale__good_scans_and_cut_ones(self) -> None:
        for scan in (
            ball_scan(),
            cut(ball_scan(), 0.5),
            ball_scan().subset(["01"]),
            in_unit(ball_scan(), 1.2),
        ):
            assert _told(scan) == ()

    def test_require_scale__another_working_distance(self) -> None:
        (note,) = _told(in_unit(ball_scan(), 1.5))
        assert note == "working distance: the part is 1.50 times as far from the cameras as the nominal one"

    def test_require_scale__without_cameras(self) -> None:
        blind = replace(ball_scan(), views=tuple(replace(view, camera=None) for view in ball_scan().views))
        assert _told(blind) == ()
        with pytest.raises(ModMapError, match="depth unit"):
            _told(in_unit(blind, 0.001))
