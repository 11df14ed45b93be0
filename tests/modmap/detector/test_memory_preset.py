"""The preset memory: a model of several good scans, none of which is laid on another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modmap.defects import find_defects
from modmap.detector.model import ModMap
from modmap.errors import ModMapError
from tests.modmap.detector.balls import SETTINGS, assert_same, distance, grained


@pytest.fixture(scope="module")
def remembering() -> ModMap:
    scans = [grained(f"good_{seed}", seed) for seed in range(4)]
    return ModMap("memory", device="cpu", settings=SETTINGS).fit(scans)


class TestMemory:
    def test_predict__what_no_good_part_looks_like(self, remembering: ModMap) -> None:
        good, bad = (
            remembering.predict(grained("good", 9)),
            remembering.predict(grained("bad", 9, mark=True)),
        )
        assert good.score < 1 < bad.score
        assert set(bad.seconds) == {"reading", "memory", "volume"}
        assert distance(bad, grained("bad", 9)) < 8
        assert bad.inspected == pytest.approx(1, abs=0.01)
        defect = find_defects(bad, grained("bad", 9, mark=True), threshold=1.0)[0]
        assert defect.modality == "memory"
        assert defect.memory_peak is not None
        assert defect.memory_peak >= defect.peak > 1

    def test_predict__wherever_it_lies(self, remembering: ModMap) -> None:
        """Far from where the nominal ones lay, so that no scan could be laid on them; the camera goes along."""
        scan = grained("moved", 9)
        away = np.eye(4)
        away[:3, 3] = 500.0, -300.0, 0.0
        views = []
        for view in scan.views:
            assert view.camera is not None
            pose = view.camera.T_world_to_camera @ away
            views.append(replace(view, camera=replace(view.camera, T_world_to_camera=pose)))
        moved = remembering.predict(replace(scan, views=tuple(views)))
        here = remembering.predict(scan)
        for view_id in here.views:
            np.testing.assert_allclose(moved.map(view_id), here.map(view_id), atol=0.02)

    def test_predict__a_loaded_model_says_the_same(self, remembering: ModMap, tmp_path: Path) -> None:
        loaded = ModMap.from_pretrained(remembering.save_pretrained(tmp_path / "model"), device="cpu")
        assert loaded.fingerprint == remembering.fingerprint
        assert loaded.trained.scans == [f"good_{seed}" for seed in range(4)]
        scan = grained("bad", 9, mark=True)
        assert_same(loaded.predict(scan), remembering.predict(scan))

    def test_fit__each_class_remembers_its_own(self) -> None:
        plain = [replace(grained(f"plain_{seed}", seed), category="plain") for seed in range(2)]
        marked = [replace(grained(f"m_{seed}", seed, mark=True), category="marked") for seed in range(2)]
        settings = SETTINGS | {"mapping": {"class_conditioning": True}}
        model = ModMap("memory", device="cpu", settings=settings).fit([*plain, *marked])
        scan = grained("new", 9, mark=True)
        found = {name: model.predict(replace(scan, category=name)).score for name in ("plain", "marked")}
        assert found["plain"] > 1.5 * found["marked"]

    def test_fit__every_view_needs_a_camera(self) -> None:
        scan = grained("blind", 0)
        views = (replace(scan.views[0], camera=None), *scan.views[1:])
        with pytest.raises(ModMapError, match="expected a camera for every view"):
            ModMap("memory", device="cpu").fit(replace(scan, views=views))
