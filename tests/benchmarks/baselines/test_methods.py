"""Every method through ModMap's face: finds a planted defect, is the same once loaded, refuses in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.baselines.methods import TITLES, MethodName, heading, make_detector, open_detector
from modmap.detector.protocol import Detector
from modmap.errors import ModMapError
from modmap.scan import Scan
from tests.benchmarks.baselines.conftest import Make

METHODS: list[MethodName] = ["difference", "patchcore", "ast", "btf", "cfm", "m3dm"]
DENT = (slice(25, 35), slice(35, 45))


@pytest.fixture(scope="module", params=METHODS)
def fitted(request: pytest.FixtureRequest, make: Make, nominal: Scan) -> tuple[MethodName, Detector]:
    """A method that has seen the nominal scan."""
    return request.param, make(request.param).fit(nominal)


class TestMethods:
    def test_predict__finds_the_planted_defect(
        self, fitted: tuple[MethodName, Detector], tests: list[Scan]
    ) -> None:
        _, model = fitted
        results = [model.predict(scan) for scan in tests]
        scores: dict[bool, list[float]] = {bool(scan.anomalous): [] for scan in tests}
        for scan, result in zip(tests, results, strict=True):
            assert result.score == result.require_volume().score
            scores[bool(scan.anomalous)].append(result.score)
        assert min(scores[True]) > max(scores[False])
        found = results[-1].map("00")
        row, column = np.unravel_index(np.nanargmax(found), found.shape)
        assert DENT[0].start - 8 <= row <= DENT[0].stop + 8
        assert DENT[1].start - 8 <= column <= DENT[1].stop + 8

    def test_open_detector__predicts_the_same(
        self, fitted: tuple[MethodName, Detector], tests: list[Scan], tmp_path: Path
    ) -> None:
        name, model = fitted
        again = open_detector(name, model.save_pretrained(tmp_path / "model"), device="cpu")
        assert again.fingerprint == model.fingerprint
        assert again.trained.scans == ["small_ball_real"]
        one, other = model.predict(tests[-1]), again.predict(tests[-1])
        assert one.score == other.score
        np.testing.assert_array_equal(one.map("00"), other.map("00"))

    def test_fit__again_is_the_same_to_the_last_bit(
        self, fitted: tuple[MethodName, Detector], make: Make, nominal: Scan
    ) -> None:
        name, model = fitted
        np.random.seed(7)  # what others draw in between changes nothing
        assert make(name).fit(nominal).fingerprint == model.fingerprint

    def test_predict__without_a_volume(self, fitted: tuple[MethodName, Detector], tests: list[Scan]) -> None:
        _, model = fitted
        good, bad = (model.predict(tests[index], volume=False) for index in (0, -1))
        assert good.volume is None
        assert bad.score > good.score

    def test_check__unknown_view_and_missing_file(
        self, fitted: tuple[MethodName, Detector], tests: list[Scan]
    ) -> None:
        _, model = fitted
        renamed = replace(tests[0], views=[replace(tests[0].views[0], id="99")])
        with pytest.raises(ModMapError, match="99"):
            model.check(renamed)
        missing = replace(tests[0], views=[replace(tests[0].views[0], depth=Path("nowhere.npy"))])
        with pytest.raises(ModMapError, match=r"nowhere.npy: expected a file of view 00, found none"):
            model.check(missing)

    def test_open_detector__of_another_method(self, make: Make, nominal: Scan, tmp_path: Path) -> None:
        place = make("difference").fit(nominal).save_pretrained(tmp_path / "model")
        with pytest.raises(ModMapError, match="expected a model of btf, found one of difference"):
            open_detector("btf", place, device="cpu")


class TestMakeDetector:
    @pytest.mark.parametrize(
        ("name", "overrides", "said"),
        [
            ("patchcore", {"coresett": 0.1}, "coresett: unknown key; did you mean coreset"),
            ("patchcore", {"coreset": 2}, "config: coreset: expected less than or equal to 1"),
            (
                "patchcore",
                {"inference": {"jittered_scans": 2}},
                "inference.jittered_scans: expected a setting of this method, found one of ModMap's alone",
            ),
            ("cfm", {"mapping": {"cross_view": True}}, "mapping: unknown key"),
            ("efficientad", {"size": 258}, "config: size: expected a multiple of 4, found 258"),
            (
                "cfm",
                {"inference": {"jittered_scans": 2}},
                "inference.jittered_scans: expected a setting of this method, found one of ModMap's alone",
            ),
        ],
    )
    def test_make_detector__refuses(self, name: MethodName, overrides: Mapping[str, Any], said: str) -> None:
        with pytest.raises(ModMapError, match=said) as error:
            make_detector(name, "fast", overrides, device="cpu")
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize(
        ("name", "changes", "said"),
        [
            (
                "patchcore",
                {"depth_encoder": {"reference": "fpfh"}},
                "expected features of the image or of depth",
            ),
            (
                "btf",
                {"depth_encoder": {"reference": "none"}},
                "depth_encoder: expected features of the depth",
            ),
            ("btf", {"depth_encoder": {"reference": "point_mae"}}, "needs a Point-MAE checkpoint"),
            ("cfm", {"depth_encoder": {"reference": "point_mae"}}, "needs a Point-MAE checkpoint"),
            (
                "cfm",
                {"image_encoder": {"reference": "none"}},
                "image_encoder: expected features of the image, which cfm needs",
            ),
            ("btf", {"image_encoder": {"reference": "fpfh"}}, "image_encoder: expected features of an image"),
            ("difference", {"depth_encoder": {"reference": "fpfh"}}, "difference: expected no encoder"),
        ],
    )
    def test_fit__refuses_what_the_method_cannot_use(
        self, make: Make, nominal: Scan, name: MethodName, changes: Mapping[str, Any], said: str
    ) -> None:
        with pytest.raises(ModMapError, match=said):
            make(name, **changes).fit(nominal)

    @pytest.mark.parametrize("modality", ["image", "depth"])
    def test_make_detector__an_encoder_named_for_a_preset_that_uses_none(self, modality: str) -> None:
        named = {f"{modality}_encoder": {"reference": "dinov2_vits14"}}
        with pytest.raises(ModMapError, match=f"{modality}_encoder: expected a preset that maps features"):
            make_detector("modmap", "inspect", named, device="cpu")
        assert make_detector("modmap", "fast", named, device="cpu")

    def test_heading__names_the_features(self) -> None:
        assert heading("btf", make_detector("btf", "fast", {}, device="cpu")) == (
            "BTF (image wide_resnet101_2, depth fpfh)"
        )
        assert heading("cfm", make_detector("cfm", "fast", {}, device="cpu")) == (
            "CFM (image dinov2_vits14 for dinov2_vitb14, depth fpfh)"
        )
        assert TITLES["modmap"] == heading("modmap", make_detector("modmap", "fast", {}, device="cpu"))
