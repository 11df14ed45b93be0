"""A model of several good scans that compares new ones with the first, and knows what the others show against it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modmap.detector.model import ModMap
from modmap.errors import ModMapError
from modmap.scan import Scan
from tests.modmap.detector.balls import MIDDLE, SETTINGS, assert_same, ball, distance, grained

ALONE = {"evidence": {"memory": False}}


def stained_elsewhere(name: str) -> Scan:
    """A good ball, but for a stain in view 03."""
    scan = ball(name)
    image = np.array(scan["03"].image)
    image[MIDDLE] = image[MIDDLE] // 2
    changed = replace(scan["03"], image=image)
    return replace(scan, views=tuple(changed if view.id == "03" else view for view in scan.views))


@pytest.fixture(scope="module")
def first() -> ModMap:
    return ModMap(device="cpu", settings=SETTINGS | ALONE).fit(ball("nominal"))


@pytest.fixture(scope="module")
def several() -> ModMap:
    """Of a nominal scan, and of one on which the middle of view 01 is darker."""
    scans = [ball("nominal"), ball("darker", stain=0.5)]
    return ModMap(device="cpu", settings=SETTINGS | ALONE).fit(scans)


class TestSeveralGoodScans:
    def test_predict__what_another_good_scan_shows_is_no_defect(self, first: ModMap, several: ModMap) -> None:
        darker = ball("new", stain=0.5)
        assert first.predict(darker).score > 2
        assert several.predict(darker).score <= 1.2  # the norm of two kinds that show as much as usual
        assert several.trained.scans == ["nominal", "darker"]

    def test_predict__elsewhere_and_of_another_kind_it_is(self, first: ModMap, several: ModMap) -> None:
        dented, stained = ball("dented", dent=3.0), stained_elsewhere("stained")
        for scan in (dented, stained):
            assert several.predict(scan).score == pytest.approx(first.predict(scan).score, rel=1e-6)
        assert distance(several.predict(dented), dented) < 8

    def test_predict__a_loaded_model_says_the_same(self, several: ModMap, tmp_path: Path) -> None:
        loaded = ModMap.from_pretrained(several.save_pretrained(tmp_path / "model"), device="cpu")
        assert loaded.fingerprint == several.fingerprint
        for scan in (ball("new", stain=0.5), ball("worse", stain=0.2)):
            assert_same(loaded.predict(scan), several.predict(scan))

    def test_fit__a_scan_that_cannot_be_laid_tells_memory_alone(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        away = np.eye(4)
        away[:3, 3] = 900.0, -700.0, 0.0
        far = grained("far", 2)
        views = []
        for view in far.views:
            assert view.camera is not None
            pose = view.camera.T_world_to_camera
            views.append(
                replace(
                    view,
                    depth=np.asarray(view.depth) / np.float32(1.6),
                    camera=replace(view.camera, T_world_to_camera=pose @ away),
                )
            )
        model = ModMap(device="cpu", settings=SETTINGS).fit(
            [grained("near", 1), replace(far, views=tuple(views))]
        )
        assert "shows beside the first isn't learnt: scan far: alignment" in caplog.text
        (reference,) = model.fitted.references.values()
        assert dict(reference.tolerated.kinds) == {}

    def test_from_pretrained__what_was_shown_is_damaged(self, several: ModMap, tmp_path: Path) -> None:
        directory = several.save_pretrained(tmp_path / "model")
        with np.load(directory / "reference.npz") as stored:
            arrays = {name: stored[name] for name in stored.files}
        assert arrays["appearance_0_1"].dtype == np.float16
        arrays["appearance_0_1"] = -arrays["appearance_0_1"] - 1
        np.savez(directory / "reference.npz", **arrays)
        with pytest.raises(ModMapError, match="appearance of view 01: expected float16 scores"):
            ModMap.from_pretrained(directory, device="cpu")
        assert json.loads((directory / "config.json").read_text())["trained"]["scans"] == [
            "nominal",
            "darker",
        ]
