"""How much of the nominal part a scan shows, against what was cut away from a ball."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from modmap.camera import Camera
from modmap.errors import ModMapError
from modmap.files.validated_json import validate
from modmap.foreground import foreground_mask
from modmap.inspection.nominal_shown import NominalShown
from modmap.inspection.view_shown import ViewShown
from modmap.scan import Scan
from tests.modmap.inspection.cut_scans import cut
from tests.synthetic_scans import ball_scan, plane_depth


def _shown(scan: Scan) -> dict[str, ViewShown]:
    found = {}
    for frame in scan.frames():
        mask = foreground_mask(frame.depth)[0]
        if mask.any():
            found[frame.id] = ViewShown.of(frame, mask)
    return found


def _ball(views: int = 6) -> Scan:
    return ball_scan(views=views, width=320, height=240)


def _nominal(scan: Scan | None = None) -> NominalShown:
    return NominalShown.of(list(_shown(scan or _ball()).values()))


def _without_cameras(scan: Scan) -> Scan:
    return replace(scan, views=tuple(replace(view, camera=None) for view in scan.views))


def _turned(scan: Scan) -> Scan:
    """The part and the cameras together, somewhere else."""
    away = np.eye(4)
    away[:3, 3] = 500.0, -300.0, 70.0
    views = []
    for view in scan.views:
        assert view.camera is not None
        camera = Camera(view.camera.K, view.camera.T_world_to_camera @ away, size=view.camera.size)
        views.append(replace(view, camera=camera))
    return replace(scan, views=tuple(views))


class TestNominalShown:
    def test_covered_and_amount__of_the_nominal_scan_itself(self) -> None:
        for scan in (_ball(), _without_cameras(_ball())):
            assert _nominal(scan).covered(_shown(scan)) == 1.0
        assert _nominal().amount(_shown(_ball())) == 1.0

    @pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
    def test_covered__without_a_share_of_every_view(self, share: float) -> None:
        """Give or take a cell, of 24 along the ball, or along a view that the ball fills four tenths of."""
        found = _nominal().covered(_shown(cut(_ball(), share)))
        assert 1 - share <= found <= 1 - share + 0.18
        blind = _nominal(_without_cameras(_ball())).covered(_shown(_without_cameras(cut(_ball(), share))))
        assert blind == pytest.approx(found, abs=0.03)

    @pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
    def test_amount__without_a_share_of_every_view(self, share: float) -> None:
        """Of depths that differ by little, a share of the pixels is a share of the area."""
        assert _nominal().amount(_shown(cut(_ball(), share))) == pytest.approx(1 - share, abs=0.05)

    def test_amount__wherever_the_part_lies(self) -> None:
        elsewhere = _shown(_turned(_ball()))
        assert _nominal().amount(elsewhere) > 0.98
        assert _nominal().covered(elsewhere) == 0.0

    def test_covered__missing_views_are_missed_where_no_other_sees_the_surface(self) -> None:
        scan = _ball(12)
        nominal = _nominal(scan)
        assert nominal.covered(_shown(scan.subset(scan.view_ids[1:]))) > 0.95
        assert 0.4 < nominal.covered(_shown(scan.subset(scan.view_ids[:2]))) < 0.8
        flat = _nominal(_without_cameras(scan))
        eleven = _without_cameras(scan.subset(scan.view_ids[1:]))
        assert flat.covered(_shown(eleven)) == pytest.approx(11 / 12, abs=0.001)

    def test_covered__what_a_part_lies_on_is_no_part_of_it(self) -> None:
        """A table below the ball, which is all that is left of the scan."""
        with_table, table = [], []
        for view in _ball().views:
            assert view.camera is not None
            plane = plane_depth(view.camera, 320, 240, normal=np.array([0, 0, 1.0]), offset=-60.0)
            plane[plane > 500] = 0
            ball = np.asarray(view.depth)
            with_table.append(replace(view, depth=np.where(ball > 0, ball, plane)))
            table.append(replace(view, depth=np.where(ball > 0, 0, plane)))
        nominal = _nominal(replace(_ball(), views=tuple(with_table)))
        assert nominal.covered(_shown(replace(_ball(), views=tuple(with_table)))) == 1.0
        assert nominal.covered(_shown(replace(_ball(), views=tuple(table)))) < 0.4

    def test_json__there_and_back(self) -> None:
        for scan in (_ball(), _without_cameras(_ball())):
            nominal = _nominal(scan)
            data = json.loads(nominal.model_dump_json())
            assert validate(NominalShown, data, where="x") == nominal

    @pytest.mark.parametrize(
        ("key", "value", "said"),
        [
            ("depths", {}, "at least 1 item"),
            ("depths", {"00": 0.0}, "greater than 0"),
            ("areas", {"00": -1.0}, "greater than or equal to 0"),
            ("edge", float("nan"), "expected"),
            ("pixels", {"shape": [6, 24, 24], "bits": "AAAA"}, "expected 432 bytes of bits, found 3"),
            ("surface", {"shape": [2**20, 2**20, 2], "bits": ""}, "expected three sides of cells"),
            ("surface", {"shape": [2, 2, 2], "bits": "AA=="}, "expected a place with something in it"),
            ("surface", 3, "expected the shape and the bits of cells"),
        ],
    )
    def test_json__what_no_scan_shows(self, key: str, value: Any, said: str) -> None:
        data = json.loads(_nominal().model_dump_json()) | {key: value}
        with pytest.raises(ModMapError, match=said):
            validate(NominalShown, data, where="x")
