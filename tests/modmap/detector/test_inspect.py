"""A model that compares scans with the nominal one and maps nothing, from the fit to the defects."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from modmap.alignment.align import AlignmentError
from modmap.defects import find_defects
from modmap.detector.calibrate import LIMIT
from modmap.detector.model import ModMap
from modmap.errors import ModMapError
from modmap.result import Result
from modmap.runs.map_files import read_maps, write_maps
from modmap.runs.summary import summarise
from modmap.scan import Scan
from modmap.types import EVIDENCE
from tests.modmap.detector.balls import HEIGHT, MIDDLE, SETTINGS, WIDTH, assert_same, ball, distance

ScanMaker = Callable[..., Scan]


def _cut(scan: Scan) -> Scan:
    """The scan without the depth of the left third of the part in every view."""
    views = []
    for view in scan.views:
        depth = np.array(view.depth)
        column = np.argwhere(depth > 0)[:, 1]
        depth[:, : int(np.quantile(column, 1 / 3))] = 0
        views.append(replace(view, depth=depth))
    return replace(scan, views=tuple(views))


def _model() -> ModMap:
    return ModMap(device="cpu", settings=SETTINGS)


@pytest.fixture(scope="module")
def model() -> ModMap:
    return _model().fit(ball("nominal"))


@pytest.fixture(scope="module")
def dented(model: ModMap) -> Result:
    return model.predict(ball("dented", dent=3.0))


@pytest.fixture(scope="module")
def stained(model: ModMap) -> Result:
    return model.predict(ball("stained", stain=0.5))


def test_predict__the_same_bits_by_one_thread_and_by_several(model: ModMap, dented: Result) -> None:
    """The nominal state and the prediction, made anew by three threads."""
    torch.set_num_threads(3)
    try:
        assert_same(_model().fit(ball("nominal")).predict(ball("dented", dent=3.0)), dented)
    finally:
        torch.set_num_threads(1)


def test_predict__memory_says_nothing_of_what_the_nominal_view_hardly_measured() -> None:
    """A square that view 01 of the nominal ball lost, and views beside it show: memory would find it new."""
    nominal = ball("nominal")
    side = (MIDDLE[0], slice(96, 106))  # half way to where the view beside it looks from
    depth = np.array(nominal["01"].depth)
    depth[side] = 0
    lost = replace(nominal["01"], depth=depth)
    views = tuple(lost if view.id == "01" else view for view in nominal.views)
    found = _model().fit(replace(nominal, views=views)).predict(ball("good"))
    around = np.isfinite(found.map("01", "memory"))
    shown_beside = np.isfinite(_model().fit(nominal).predict(ball("good")).map("01", "memory"))
    inside = np.zeros(around.shape, dtype=bool)
    inside[side] = True
    assert shown_beside[inside].all()
    assert around[inside].mean() < 0.7
    assert around[~inside].sum() == shown_beside[~inside].sum()


class TestFit:
    def test_fit__is_the_default_and_loads_no_encoder(self, tmp_path: Path) -> None:
        missing = {
            kind: {"reference": f"local-dir:{tmp_path / 'none'}"}
            for kind in ("image_encoder", "depth_encoder")
        }
        model = ModMap(device="cpu", settings=SETTINGS | missing).fit(ball("nominal"))
        assert model.config.preset == "inspect"
        assert (model.fitted.mapper, model.fitted.expected, model.trained.losses) == (None, None, [])
        assert model.predict(ball("good")).verdict is None
        with pytest.raises(ModMapError, match="none: not a usable encoder"):
            ModMap("fast", device="cpu", settings=missing).fit(ball("nominal"))

    def test_fit__a_view_without_a_camera_is_named(self) -> None:
        scan = ball("nominal")
        blind = replace(scan, views=(*scan.views[:2], replace(scan.views[2], camera=None), scan.views[3]))
        with pytest.raises(
            ModMapError, match=r"scan nominal: evidence: expected a camera .* view 02 .*preset fast"
        ):
            _model().fit(blind)

    @pytest.mark.parametrize("kind", ["image_encoder", "depth_encoder"])
    def test_init__an_encoder_named_in_vain(self, kind: str) -> None:
        with pytest.raises(ModMapError, match=f"{kind}: expected a preset that maps features"):
            ModMap(**{kind: "dinov2_vits14"})  # type: ignore[arg-type]
        assert ModMap("inspect", settings={"evidence": {"mapping": True}}, **{kind: "dinov2_vits14"})  # type: ignore[arg-type]

    def test_init__nothing_asked(self) -> None:
        with pytest.raises(
            ModMapError, match="at least one of mapping, geometry, appearance, texture and memory"
        ):
            ModMap(settings={"evidence": dict.fromkeys(EVIDENCE, False)})

    def test_fingerprint__tells_images_as_well_as_surfaces_apart(self, model: ModMap) -> None:
        others = [
            _model().fit(ball("nominal", dent=1.0)),
            _model().fit(ball("nominal", stain=0.9)),
        ]
        assert _model().fit(ball("nominal")).fingerprint == model.fingerprint
        assert len({one.fingerprint for one in (model, *others)}) == 3


class TestPredict:
    def test_predict__a_good_part_scores_less_than_one(self, model: ModMap) -> None:
        result = model.predict(ball("good"))
        assert 0 <= result.score < 1
        assert set(result.seconds) == {
            *("reading", "nominal", "alignment", "not inspected", "volume"),
            *EVIDENCE,
        }
        assert result.score == result.require_volume().score

    def test_predict__finds_a_dent(self, model: ModMap, dented: Result) -> None:
        assert dented.score > 3
        assert distance(dented, ball("dented", dent=3.0)) < 6
        assert np.nanmax(dented.map("01", "geometry")) > 3
        inside = dented.views["01"].deviation()[56:64, 76:84]
        np.testing.assert_allclose(inside, -3.0, atol=0.4)  # along the normal, and the ball is seen askew

    def test_predict__finds_a_stain(self, model: ModMap, stained: Result) -> None:
        assert stained.score > 3
        assert distance(stained, ball("stained")) < 6
        assert np.nanmax(stained.map("01", "geometry")) < 1
        for view_id in ("00", "02", "03"):
            assert np.nanmax(stained.map(view_id)) < 1

    def test_predict__where_nothing_is_said_of_the_part_the_score_is_none(self, dented: Result) -> None:
        for view_id, maps in dented.views.items():
            said = np.any([np.isfinite(maps.of_evidence(kind)) for kind in EVIDENCE], axis=0)
            combined = dented.map(view_id)
            assert (combined[maps.foreground & ~said] == 0).all()
            np.testing.assert_array_equal(np.isnan(combined), ~maps.foreground)
            assert np.isnan(maps.image()).all()
            assert np.isnan(maps.depth()).all()

    def test_predict__a_volume_that_is_not_wanted_changes_no_score(
        self, model: ModMap, dented: Result
    ) -> None:
        result = model.predict(ball("dented", dent=3.0), volume=False)
        assert (result.volume, result.volume_refused) == (None, "not asked for")
        assert result.score == dented.score

    def test_predict__a_view_without_a_camera_is_an_error(self, model: ModMap) -> None:
        scan = ball("new")
        views = (scan.views[0], replace(scan.views[1], camera=None, camera_looked_for="no pose.txt"))
        message = r"^scan new: evidence: expected a camera for every view, view 01 has none \(no pose.txt\)$"
        with pytest.raises(AlignmentError, match=message):
            model.predict(replace(scan, views=views))

    def test_predict__a_scan_that_cannot_be_laid_on_the_nominal_one_is_an_error(self) -> None:
        """Unless memory can say something without; but then it isn't inspected, and never passes."""
        scan = ball("halved")
        views = tuple(replace(view, depth=np.asarray(view.depth) / np.float32(1.5)) for view in scan.views)
        halved = replace(scan, views=views)
        alone = ModMap(device="cpu", settings=SETTINGS | {"evidence": {"memory": False}})
        with pytest.raises(AlignmentError, match=r"^scan halved: alignment: expected") as caught:
            alone.fit(ball("nominal")).predict(halved)
        assert "\n" not in str(caught.value)
        result = _model().fit(ball("nominal")).calibrate(ball("nominal")).predict(halved)
        assert [
            note for note in result.notes if note.startswith("evidence: only the memory's: alignment: exp")
        ]
        assert set(result.views["00"].evidence) == {"memory"}
        assert (result.inspected, result.verdict) == (
            0.0,
            "not inspected" if result.score <= LIMIT else "fail",
        )

    def test_predict__a_loaded_model_says_the_same(
        self, model: ModMap, dented: Result, tmp_path: Path
    ) -> None:
        model.save_pretrained(tmp_path / "model")
        loaded = ModMap.from_pretrained(tmp_path / "model", device="cpu")
        assert loaded.fingerprint == model.fingerprint
        assert (loaded.fitted.mapper, loaded.config) == (None, model.config)
        assert_same(loaded.predict(ball("dented", dent=3.0)), dented)

    def test_predict__a_loaded_model_without_its_nominal_views(self, model: ModMap, tmp_path: Path) -> None:
        directory = model.save_pretrained(tmp_path / "model")
        (directory / "reference.npz").unlink()
        with pytest.raises(ModMapError, match=r"reference\.npz: expected the nominal views"):
            ModMap.from_pretrained(directory, device="cpu")

    def test_predict__maps_are_read_back(self, dented: Result, tmp_path: Path) -> None:
        write_maps(dented.views, tmp_path)
        found = read_maps(tmp_path)
        assert list(found) == list(dented.views)
        for view_id, maps in dented.views.items():
            assert (found[view_id].image_tokens, found[view_id].depth_tokens) == (None, None)
            np.testing.assert_array_equal(found[view_id].deviation(), maps.deviation())
            for kind in EVIDENCE:
                np.testing.assert_array_equal(found[view_id].of_evidence(kind), maps.of_evidence(kind))

    def test_predict__summary_has_what_was_asked(self, dented: Result) -> None:
        for view_id, entry in summarise(dented)["views"].items():
            assert set(entry) == {*(f"{kind}_max" for kind in EVIDENCE), "foreground_share"}
            for kind in EVIDENCE:
                assert entry[f"{kind}_max"] == float(np.nanmax(dented.map(view_id, kind)))
        json.dumps(summarise(dented), allow_nan=False)


class TestDefects:
    @pytest.mark.parametrize("dent", [3.0, -3.0])
    def test_find_defects__depth_is_that_of_the_dent(self, model: ModMap, dent: float) -> None:
        scan = ball("dented", dent=dent)
        defect = find_defects(model.predict(scan), scan, threshold=2.0)[0]
        assert defect.modality == "geometry"
        assert defect.depth_mm == pytest.approx(-dent, rel=0.15)
        assert defect.geometry_peak is not None
        assert defect.geometry_peak >= defect.peak > 3
        assert (defect.image_peak, defect.depth_peak) == (None, None)
        changed = np.zeros((HEIGHT, WIDTH), bool)
        changed[MIDDLE] = True
        middle = scan["01"].load().points(changed).mean(axis=0)
        assert np.linalg.norm(middle - defect.centre_mm) < 8

    def test_find_defects__a_stain_has_no_depth(self, model: ModMap, stained: Result) -> None:
        defect = find_defects(stained, ball("stained", stain=0.5), threshold=2.0)[0]
        assert (defect.modality, defect.depth_mm) == ("appearance", None)
        assert defect.appearance_peak is not None
        assert defect.appearance_peak >= defect.peak > 3
        assert defect.views[0].view == "01"


class TestCalibrate:
    def test_calibrate__training_scan_alone_is_an_estimate(self, dented: Result, tmp_path: Path) -> None:
        model = _model().fit(ball("nominal")).calibrate(ball("nominal"))
        found = model.calibrations[""]
        assert (found.basis, found.guaranteed, found.scores) == ("nominal_scan", False, [])
        assert (found.scan_threshold, found.pixel_threshold, found.voxel_threshold) == (LIMIT, LIMIT, LIMIT)
        assert (found.false_alarm_rate, found.scans) == (0.05, ["nominal"])
        good, bad = (model.predict(ball("new", dent=dent)) for dent in (0.0, 3.0))
        assert (good.verdict, good.p_value, bad.verdict) == ("pass", None, "fail")
        assert bad.margin == LIMIT - dented.score
        for result, found_none in ((dented, "none"), (bad, "one that no good scans are behind")):
            with pytest.raises(ModMapError, match=f"^result of dented|new: .*p-values, found {found_none}$"):
                result.voxel_p_values()
        loaded = ModMap.from_pretrained(model.save_pretrained(tmp_path / "model"), device="cpu")
        assert loaded.calibrations == model.calibrations

    @pytest.mark.parametrize(("least", "verdict"), [(None, "not inspected"), (0.3, "pass")])
    def test_calibrate__what_was_not_seen_does_not_pass(self, least: float | None, verdict: str) -> None:
        """A third of every view's depth is missing; a dent in the rest is a defect all the same."""
        asked = {} if least is None else {"evidence": {"least_inspected": least}}
        model = ModMap(device="cpu", settings=SETTINGS | asked).fit(ball("nominal"))
        model.calibrate(ball("nominal"))
        whole, cut = model.predict(ball("whole")), model.predict(_cut(ball("cut")))
        assert (whole.verdict, cut.verdict) == ("pass", verdict)
        assert whole.inspected is not None
        assert whole.inspected > 0.99
        assert cut.inspected is not None
        assert 0.4 < cut.inspected < 0.9
        assert f"evidence: {cut.inspected:.1%} of the nominal surface is shown" in cut.notes
        assert summarise(cut)["inspected"] == cut.inspected
        assert model.predict(_cut(ball("dented", dent=3.0))).verdict == "fail"

    def test_calibrate__without_geometry_it_is_asked_how_much_was_seen(self) -> None:
        model = ModMap(device="cpu", settings=SETTINGS | {"evidence": {"geometry": False}}).fit(
            ball("nominal")
        )
        model.calibrate(ball("nominal"))
        whole, cut = model.predict(ball("whole")), model.predict(_cut(ball("cut")))
        assert (whole.inspected, whole.verdict) == (pytest.approx(1, abs=0.01), "pass")
        assert (cut.inspected, cut.verdict) == (pytest.approx(2 / 3, abs=0.06), "not inspected")

    def test_calibrate__rate_is_kept_and_checked(self) -> None:
        model = _model().fit(ball("nominal"))
        found = model.calibrate(ball("nominal"), false_alarm_rate=0.2).calibrations[""]
        assert (found.false_alarm_rate, found.scan_threshold) == (0.2, LIMIT)
        with pytest.raises(ModMapError, match="false-alarm rate: expected a number between 0 and 1"):
            model.calibrate(ball("nominal"), false_alarm_rate=1.5)

    def test_calibrate__good_scans_guarantee(self) -> None:
        model = _model().fit(ball("nominal"))
        good = [ball(f"good_{number}", stain=1 - number / 50) for number in range(3)]
        found = model.calibrate(good).calibrations[""]
        assert (found.basis, found.guaranteed, found.false_alarm_rate) == ("conformal", True, 0.25)
        assert found.scores == [model.predict(scan).score for scan in good]
        assert found.scan_threshold == max(found.scores) > min(found.scores)
        result = model.predict(ball("dented", dent=3.0))
        assert (result.verdict, result.p_value) == ("fail", 0.25)
        p_values = result.voxel_p_values()
        assert (np.isfinite(p_values) == result.require_volume().observed).all()
        assert np.nanmin(p_values) == 0.25
        assert np.nanmax(p_values) == 1.0

    def test_calibrate__another_nominal_scans_thresholds_are_refused(self, tmp_path: Path) -> None:
        """Also one that differs in its images alone."""
        for name, stain in (("a", 1.0), ("b", 0.9)):
            model = _model().fit(ball("nominal", stain=stain)).calibrate(ball("nominal"))
            model.save_pretrained(tmp_path / name)
        (tmp_path / "a" / "calibration.json").replace(tmp_path / "b" / "calibration.json")
        with pytest.raises(ModMapError, match="expected thresholds of this model"):
            ModMap.from_pretrained(tmp_path / "b", device="cpu")
