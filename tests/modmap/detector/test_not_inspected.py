"""Whatever the preset: what wasn't seen doesn't pass, and what is in another unit isn't scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modmap.detector.model import ModMap
from modmap.errors import ModMapError
from modmap.scan import Scan
from tests.modmap.detector.balls import SETTINGS, ball
from tests.modmap.inspection.cut_scans import cut, in_unit

PRESETS = ("inspect", "memory", "fast", "paper")


@pytest.fixture(scope="module")
def calibrated(tiny_encoder: Path, tiny_depth_encoder: Path) -> Callable[[str], ModMap]:
    """A model of each preset, fitted once, whose thresholds no score of a part exceeds."""
    made: dict[str, ModMap] = {}

    def make(preset: str) -> ModMap:
        if preset not in made:
            settings: dict[str, Any] = {**SETTINGS}
            if preset in ("fast", "paper"):
                settings |= {
                    "size": 112,
                    "image_encoder": {"reference": f"local-dir:{tiny_encoder}", "precision": "float32"},
                    "depth_encoder": {"reference": f"local-dir:{tiny_depth_encoder}", "precision": "float32"},
                    "training": {"epochs": 2, "pairs_per_batch": 4, "tokens_per_batch": 200},
                }
            model = ModMap(preset, device="cpu", settings=settings).fit(ball("nominal"))
            model.calibrate(ball("nominal"))
            calm = {"scan_threshold": 1e6, "pixel_threshold": 1e6, "voxel_threshold": 1e6}
            model.calibrations = {
                name: one.model_copy(update=calm) for name, one in model.calibrations.items()
            }
            made[preset] = model
        return made[preset]

    return make


class TestNotInspected:
    @pytest.mark.parametrize("preset", PRESETS)
    def test_predict__what_was_cut_away_does_not_pass(
        self, calibrated: Callable[[str], ModMap], preset: str
    ) -> None:
        model = calibrated(preset)
        good = model.predict(ball("good"))
        assert good.verdict == "pass"
        assert good.inspected is not None
        assert good.inspected > 0.98
        for share in (0.5, 0.9):
            found = model.predict(cut(ball("cut"), share))
            assert found.inspected is not None
            assert found.inspected < model.config.evidence.least_inspected
            assert found.verdict == "not inspected"

    @pytest.mark.parametrize("preset", PRESETS)
    def test_predict__missing_views_are_named(self, calibrated: Callable[[str], ModMap], preset: str) -> None:
        found = calibrated(preset).predict(ball("few").subset(["00", "02"]))
        assert "views: 2 of the nominal scan's 4 are missing: 01, 03" in found.notes
        assert found.inspected is not None
        assert found.inspected < 0.95

    @pytest.mark.parametrize("preset", PRESETS)
    def test_predict__another_unit_is_told(self, calibrated: Callable[[str], ModMap], preset: str) -> None:
        with pytest.raises(
            ModMapError, match=r'^scan metres: depth unit: expected the part about 2.* as "m"\?$'
        ):
            calibrated(preset).predict(in_unit(ball("metres"), 0.001))

    def test_predict__a_scan_without_cameras(self, calibrated: Callable[[str], ModMap]) -> None:
        """It has maps and a score; how much of the part it shows is told by its pixels."""

        def blind(scan: Scan) -> Scan:
            return replace(scan, views=tuple(replace(view, camera=None) for view in scan.views))

        model = calibrated("fast")
        good, half = model.predict(blind(ball("good"))), model.predict(blind(cut(ball("half"), 0.5)))
        assert (good.inspected, good.verdict, half.verdict) == (1.0, "pass", "not inspected")

    def test_predict__most_of_it_outside_the_nominal_box(self, calibrated: Callable[[str], ModMap]) -> None:
        model = calibrated("memory")
        away = np.eye(4)
        away[0, 3] = 60.0
        views = []
        for view in ball("aside").views:
            assert view.camera is not None
            pose = view.camera.T_world_to_camera @ away
            views.append(replace(view, camera=replace(view.camera, T_world_to_camera=pose)))
        found = model.predict(replace(ball("aside"), views=tuple(views)))
        assert any("lies outside the box around the nominal scan" in note for note in found.notes)
        assert not any("outside the box" in note for note in model.predict(ball("good")).notes)


class TestFit:
    def test_fit__good_scans_in_different_units(self) -> None:
        for factor in (0.001, 10):
            scans = [ball("nominal"), in_unit(ball("other"), factor)]
            with pytest.raises(ModMapError, match=r"^scan other: depth unit: expected the part about .* mm"):
                ModMap(device="cpu", settings=SETTINGS).fit(scans)

    def test_fit__depth_in_metres_and_poses_in_millimetres(self) -> None:
        with pytest.raises(
            ModMapError, match=r"^scan metres: expected views of one part, found pieces of 0\.\d+ mm"
        ):
            ModMap(device="cpu", settings=SETTINGS).fit(in_unit(ball("metres"), 0.001))

    def test_fit__one_scan_whose_depth_and_poses_are_in_metres(self) -> None:
        scan = in_unit(ball("metres"), 0.001)
        views = []
        for view in scan.views:
            assert view.camera is not None
            pose = np.array(view.camera.T_world_to_camera)
            pose[:3, 3] /= 1000
            views.append(replace(view, camera=replace(view.camera, T_world_to_camera=pose)))
        message = (
            r'^scan metres: expected a part of at least 5 voxels of 3 mm .*, found 0\.12 mm: .* such as "m"\?'
        )
        with pytest.raises(ModMapError, match=message):
            ModMap(device="cpu", settings=SETTINGS).fit(replace(scan, views=tuple(views)))
