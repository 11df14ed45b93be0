"""Calibrating a model with scans, and keeping its thresholds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modmap.datasets import load_scan, write_scan
from modmap.detector.expected import ScanDistances
from modmap.detector.jitter import jittered
from modmap.detector.model import ModMap
from modmap.errors import ModMapError
from modmap.mapping.anomaly_maps import refined_maps
from modmap.scan import Scan

ScanMaker = Callable[..., Scan]
ModelMaker = Callable[..., ModMap]


def _noisy(scan: Scan, name: str, seed: int) -> Scan:
    """Another good part: the same ball under other grain."""
    rng = np.random.default_rng(seed)
    views = [
        replace(
            view, image=np.clip(np.array(view.image) + rng.normal(0, 6, (60, 80)), 0, 255).astype(np.uint8)
        )
        for view in scan.views
    ]
    return replace(scan, name=name, views=tuple(views))


@pytest.fixture(scope="module")
def fitted(make_model: ModelMaker) -> ModMap:
    return make_model(training={"epochs": 20})


@pytest.fixture(scope="module")
def good(make_scan: ScanMaker) -> list[Scan]:
    return [_noisy(make_scan(), f"good_{seed}", seed) for seed in range(4)]


@pytest.fixture(scope="module")
def calibrated(fitted: ModMap, good: list[Scan], tmp_path_factory: pytest.TempPathFactory) -> ModMap:
    """The model with thresholds of four good scans."""
    copy = ModMap.from_pretrained(fitted.save_pretrained(tmp_path_factory.mktemp("model")), device="cpu")
    return copy.calibrate(good, false_alarm_rate=0.2)


class TestCalibrate:
    def test_calibrate__scores_of_the_good_scans(
        self, fitted: ModMap, calibrated: ModMap, good: list[Scan]
    ) -> None:
        found = calibrated.calibrations[""]
        assert found.scores == [fitted.predict(scan).score for scan in good]
        assert found.scan_threshold == max(found.scores)
        assert found.voxel_threshold is not None
        assert found.voxel_threshold <= found.scan_threshold
        assert (found.scans, found.views) == ([scan.name for scan in good], ["00", "01", "02", "03"])

    def test_predict__verdict(self, calibrated: ModMap, good: list[Scan], make_scan: ScanMaker) -> None:
        passed = calibrated.predict(good[0])
        assert passed.verdict == "pass"
        assert passed.p_value is not None
        assert passed.p_value >= 0.4
        bad = calibrated.predict(make_scan(name="bad", change=("01",)))
        assert (bad.verdict, bad.p_value) == ("fail", 0.2)
        assert bad.margin is not None
        assert bad.margin == pytest.approx(calibrated.calibrations[""].scan_threshold - bad.score)
        assert bad.margin < 0

    def test_predict__not_calibrated(self, fitted: ModMap, good: list[Scan]) -> None:
        result = fitted.predict(good[0])
        assert (result.verdict, result.p_value, result.margin) == (None, None, None)

    def test_predict__fewer_views_are_noted(self, calibrated: ModMap, good: list[Scan]) -> None:
        result = calibrated.predict(good[0].subset(["00", "02"]))
        assert result.verdict in ("pass", "fail")
        assert result.notes == (
            "views: 2 of the nominal scan's 4 are missing: 01, 03",
            "verdict: expected the 4 views of the good scans, found 2: the false-alarm rate may not hold",
        )

    def test_calibrate__training_scan_alone_by_its_jittered_copies(
        self, make_model: ModelMaker, make_scan: ScanMaker
    ) -> None:
        """A copy's views score what a model predicts that expects what the scan and the other copy show."""
        scan = make_scan()
        model = make_model(training={"epochs": 20}, inference={"jittered_scans": 2}).calibrate(scan)
        found = model.calibrations[""]
        assert (found.basis, found.guaranteed, len(found.scores)) == ("jittered_copies", False, 8)
        assert (found.scans, found.views) == (["ball"], ["00", "01", "02", "03"])
        assert model.predict(scan).verdict == "pass"
        copies = [jittered(scan, seed=seed) for seed in range(2)]
        expected, scores = model.fitted.expected, []
        assert expected is not None
        for copy, other in (copies, copies[::-1]):
            banks = [model.fitted.bank(one, model.fitted.encode(one)) for one in (scan, other)]
            expected.learn(
                [ScanDistances(0, one.view, *refined_maps(model.fitted.mapper, one)) for one in banks]
            )
            result = model.predict(copy, volume=False)
            scores += [float(np.nanmax(maps.combined())) for maps in result.views.values()]
        assert found.scores == pytest.approx(scores)

    def test_calibrate__training_scan_alone_of_each_class(
        self, make_model: ModelMaker, make_scan: ScanMaker
    ) -> None:
        scans = [make_scan(), make_scan(name="other", category="boxes", views=3)]
        model = make_model(scans, mapping={"class_conditioning": True}, training={"epochs": 1})
        model.calibrate(scans)
        assert {name: len(one.scores) for name, one in model.calibrations.items()} == {
            "balls": 16,
            "boxes": 12,
        }

    def test_calibrate__training_scan_alone_by_its_left_out_views(
        self, make_model: ModelMaker, make_scan: ScanMaker
    ) -> None:
        model = make_model(training={"epochs": 20}, inference={"jittered_scans": 0}).calibrate(make_scan())
        found = model.calibrations[""]
        assert (found.basis, found.guaranteed) == ("leave_one_view_out", False)
        assert (found.scans, len(found.scores), found.false_alarm_rate) == (["ball"], 4, 0.05)
        assert model.predict(make_scan()).verdict == "pass"
        # A view seen from the others alone can't score lower than with itself among the sources.
        own = [np.nanmax(maps.combined()) for maps in model.predict(make_scan()).views.values()]
        assert all(left >= with_itself - 1e-5 for left, with_itself in zip(found.scores, own, strict=True))

    def test_fit__forgets_thresholds(self, make_model: ModelMaker, make_scan: ScanMaker) -> None:
        model = make_model(training={"epochs": 1}).calibrate(make_scan())
        assert model.fit(make_scan()).calibrations == {}

    def test_calibrate__multi_class_by_class(
        self, make_model: ModelMaker, make_scan: ScanMaker, good: list[Scan]
    ) -> None:
        scans = [make_scan(), make_scan(name="other", category="boxes")]
        model = make_model(scans, mapping={"class_conditioning": True}, training={"epochs": 1})
        model.calibrate(good[:2], false_alarm_rate=0.4)
        assert set(model.calibrations) == {"balls"}
        model.calibrate([replace(good[0], category="boxes")], false_alarm_rate=0.5)
        assert set(model.calibrations) == {"balls", "boxes"}
        assert model.predict(good[0]).calibration == model.calibrations["balls"]
        assert model.predict(good[0], category="boxes").calibration == model.calibrations["boxes"]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda scans: [], "expected at least one good scan, found none"),
            (
                lambda scans: [*scans, replace(scans[0], name="ball")],
                "wasn't trained on, found ball among them",
            ),
            (
                lambda scans: [replace(scans[0], anomalous=True)],
                "good_0: expected a good scan, found one labelled",
            ),
            (
                lambda scans: [scans[0], scans[1].subset(["00", "01"])],
                r"good_1: expected the views of good_0 \(00, 01, 02, 03\), found 00, 01",
            ),
        ],
    )
    def test_calibrate__scans_that_cannot_be_used(
        self, fitted: ModMap, good: list[Scan], change: Callable[[list[Scan]], list[Scan]], message: str
    ) -> None:
        with pytest.raises(ModMapError, match=message):
            fitted.calibrate(change(good))
        assert fitted.calibrations == {}

    def test_calibrate__a_scan_that_counts_twice(
        self, fitted: ModMap, good: list[Scan], tmp_path: Path
    ) -> None:
        with pytest.raises(ModMapError, match="expected every good scan once, found good_1 2 times"):
            fitted.calibrate([*good, good[1]])
        write_scan(good[0], tmp_path / "good_0")
        twice = [load_scan(tmp_path / "good_0"), load_scan(tmp_path / ".." / tmp_path.name / "good_0")]
        with pytest.raises(ModMapError, match="good_0 2 times: each must be of another part"):
            fitted.calibrate([*good[1:], *twice])
        assert fitted.calibrations == {}

    def test_calibrate__parts_of_one_folder(
        self, make_model: ModelMaker, good: list[Scan], tmp_path: Path
    ) -> None:
        """As a set with one view a part gives them."""
        together = [replace(scan, root=tmp_path) for scan in good]
        assert make_model(training={"epochs": 1}).calibrate(together).calibrations[""].scans == [
            scan.name for scan in good
        ]

    def test_calibrate__too_few_scans_says_how_many(self, fitted: ModMap, good: list[Scan]) -> None:
        with pytest.raises(
            ModMapError, match=r"expected at least 19 good scans, found 4; they can hold 0\.2"
        ):
            fitted.calibrate(good, false_alarm_rate=0.05)

    def test_calibrate__views_that_are_not_mapped_from_others(
        self, make_model: ModelMaker, make_scan: ScanMaker
    ) -> None:
        plain = {"jittered_scans": 0}
        model = make_model(mapping={"cross_view": False}, training={"epochs": 1}, inference=plain)
        with pytest.raises(ModMapError, match=r"found mapping\.cross_view=false"):
            model.calibrate(make_scan())


class TestSaved:
    def test_saved__thresholds_survive(self, calibrated: ModMap, good: list[Scan], tmp_path: Path) -> None:
        directory = calibrated.save_pretrained(tmp_path / "model")
        loaded = ModMap.from_pretrained(directory, device="cpu")
        assert loaded.calibrations == calibrated.calibrations
        assert loaded.predict(good[1]).p_value == calibrated.predict(good[1]).p_value

    def test_saved__another_model_over_it_drops_them(
        self, calibrated: ModMap, fitted: ModMap, tmp_path: Path
    ) -> None:
        calibrated.save_pretrained(tmp_path / "model")
        fitted.save_pretrained(tmp_path / "model")
        assert ModMap.from_pretrained(tmp_path / "model", device="cpu").calibrations == {}

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda data: data | {"model": "0" * 64},
                r"expected thresholds of this model \(\w{12}\), found those of",
            ),
            (lambda data: data | {"format": 2}, "expected thresholds of format 1, found 2"),
            (lambda data: data | {"scores": []}, "scores: unknown key"),
        ],
    )
    def test_saved__damaged(
        self, calibrated: ModMap, tmp_path: Path, change: Callable[[dict[str, Any]], Any], message: str
    ) -> None:
        path = calibrated.save_pretrained(tmp_path / "model") / "calibration.json"
        path.write_text(json.dumps(change(json.loads(path.read_text()))))
        with pytest.raises(ModMapError, match=message) as caught:
            ModMap.from_pretrained(tmp_path / "model", device="cpu")
        assert str(path) in str(caught.value)
