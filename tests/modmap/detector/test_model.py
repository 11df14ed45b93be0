"""ModMap from fit to prediction, with encoders and scans so small that it takes a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from modmap.config import make_config
from modmap.detector.fitted import new_mapper
from modmap.detector.model import ModMap
from modmap.encoding.rim import inner_tokens
from modmap.encoding.square import Square
from modmap.errors import ModMapError
from modmap.result import Result
from modmap.scan import Scan, View
from modmap.volume import VoxelGrid

Array = npt.NDArray[Any]
ScanMaker = Callable[..., Scan]
ModelMaker = Callable[..., ModMap]


def _without_depth(scan: Scan, view_id: str) -> Scan:
    views = [
        replace(view, depth=np.zeros((60, 80), np.float32)) if view.id == view_id else view
        for view in scan.views
    ]
    return replace(scan, views=tuple(views))


def _without_camera(scan: Scan, view_id: str) -> Scan:
    def bare(view: View) -> View:
        return replace(view, camera=None, camera_looked_for="no pose.txt in there")

    return replace(scan, views=tuple(bare(view) if view.id == view_id else view for view in scan.views))


def _assert_same(found: Result, expected: Result) -> None:
    assert found.score == expected.score
    assert list(found.views) == list(expected.views)
    for view_id in found.views:
        for modality in ("image", "depth", "combined"):
            np.testing.assert_array_equal(found.map(view_id, modality), expected.map(view_id, modality))
    np.testing.assert_array_equal(found.require_volume().scores, expected.require_volume().scores)


@pytest.fixture(scope="module")
def fitted(make_model: ModelMaker) -> ModMap:
    """A model of four views of the ball. Tests of this file don't change it."""
    return make_model()


class TestFit:
    def test_fit__learns(self, fitted: ModMap) -> None:
        losses = fitted.trained.losses
        assert len(losses) == 6
        assert losses[-1] < 0.8 * losses[0]
        assert fitted.trained.view_ids == ["00", "01", "02", "03"]
        assert fitted.trained.categories == []
        assert (fitted.trained.image_channels, fitted.trained.depth_channels) == (32, 24)

    def test_fit__same_seed_bit_equal(
        self, fitted: ModMap, make_model: ModelMaker, make_scan: ScanMaker
    ) -> None:
        torch.manual_seed(123)
        again, other = make_model(), make_model(training={"seed": 1})
        assert again.fingerprint == fitted.fingerprint
        assert again.trained.losses == fitted.trained.losses
        _assert_same(again.predict(make_scan()), fitted.predict(make_scan()))
        assert other.fingerprint != fitted.fingerprint
        assert other.predict(make_scan()).score != fitted.predict(make_scan()).score

    def test_fit__initial_weights_leave_the_global_generator_alone(self) -> None:
        torch.manual_seed(5)
        expected = torch.rand(1)
        torch.manual_seed(5)
        new_mapper(make_config("fast"), 4, 4, views=2, classes=0, device=torch.device("cpu"))
        assert torch.equal(torch.rand(1), expected)

    def test_fit__one_view(self, make_model: ModelMaker, make_scan: ScanMaker) -> None:
        model = make_model(make_scan(views=1), training={"epochs": 10})
        result = model.predict(make_scan(views=1))
        assert list(result.views) == ["00"]
        assert 0 < result.score < 2

    def test_fit__paper_needs_a_depth_encoder(self, tiny_encoder: Path, make_scan: ScanMaker) -> None:
        model = ModMap(
            "paper", image_encoder=f"local-dir:{tiny_encoder}", settings={"size": 112}, device="cpu"
        )
        with pytest.raises(ModMapError, match=r"depth_encoder: expected an encoder, found none: the paper's"):
            model.fit(make_scan())

    def test_fit__view_of_holes(self, make_model: ModelMaker, make_scan: ScanMaker) -> None:
        with pytest.raises(ModMapError, match="every training view, found only holes in view 02"):
            make_model(_without_depth(make_scan(), "02"))

    def test_fit__no_scan(self, make_model: ModelMaker) -> None:
        with pytest.raises(ModMapError, match="at least one nominal scan"):
            make_model([])

    def test_fit__class_is_missing(self, make_model: ModelMaker, make_scan: ScanMaker) -> None:
        with pytest.raises(ModMapError, match="scan ball: expected a category, as the model is multi-class"):
            make_model(make_scan(category=None), mapping={"class_conditioning": True})

    def test_fit__switches(self, make_model: ModelMaker, make_scan: ScanMaker) -> None:
        plain = make_model(mapping={"view_conditioning": False})
        assert not any("modulator" in name for name in plain.fitted.mapper.state_dict())
        scan, alone = make_scan(), make_model(mapping={"cross_view": False})
        whole = alone.predict(scan)
        for view_id in scan.view_ids:
            np.testing.assert_allclose(
                alone.predict(scan.subset([view_id])).map(view_id), whole.map(view_id), atol=1e-5
            )

    @pytest.mark.parametrize(
        ("how", "join"),
        [
            ("max", np.maximum),
            ("min", np.minimum),
            ("prod", np.multiply),
            ("mean", lambda a, b: (a + b) / 2),
        ],
    )
    def test_fit__training_score_is_the_training_scans_largest(
        self, make_model: ModelMaker, make_scan: ScanMaker, how: str, join: Callable[[Array, Array], Array]
    ) -> None:
        model = make_model(inference={"aggregation": how, "jittered_scans": 0}, training={"epochs": 2})
        views = model.predict(make_scan()).views.values()
        tokens = [join(one.image_tokens, one.depth_tokens)[np.isfinite(one.image_tokens)] for one in views]
        assert model.trained.training_score == pytest.approx(max(one.max() for one in tokens), abs=1e-6)

    def test_fit__distances_are_held_against_those_of_jittered_scans(
        self, make_model: ModelMaker, make_scan: ScanMaker
    ) -> None:
        scan = make_scan()
        plain, held = (
            make_model(inference={"jittered_scans": jitters, "rim_share": 0}, training={"epochs": 2})
            for jitters in (0, 2)
        )
        assert plain.fitted.expected is None
        assert held.fitted.expected is not None
        distances, scores = (model.predict(scan).views for model in (plain, held))
        rows = {view_id: row for row, view_id in enumerate(held.trained.view_ids)}
        for view_id, maps in scores.items():
            inner = np.isfinite(maps.image_tokens)
            for modality in ("image", "depth"):
                expected = getattr(held.fitted.expected, modality)[0, rows[view_id]].numpy()
                np.testing.assert_allclose(
                    getattr(maps, f"{modality}_tokens")[inner],
                    (getattr(distances[view_id], f"{modality}_tokens").ravel() / expected)[inner.ravel()],
                    rtol=1e-4,
                )
                assert getattr(maps, f"{modality}_tokens")[inner].max() <= 1 + 1e-5
        assert set(held.trained.seconds) == {"encoders", "training", "expected"}

    def test_fit__several_scans(self, make_model: ModelMaker, make_scan: ScanMaker) -> None:
        model = make_model([make_scan(views=2, name="a"), make_scan(views=4, name="b")])
        assert model.trained.scans == ["a", "b"]
        assert model.trained.view_ids == ["00", "01", "02", "03"]


class TestPredict:
    def test_predict__before_fit(self, make_scan: ScanMaker) -> None:
        with pytest.raises(ModMapError, match="expected a fitted model: call fit"):
            ModMap().predict(make_scan())

    def test_predict__volume_holds_the_maps(self, fitted: ModMap, make_scan: ScanMaker) -> None:
        scan = make_scan()
        result = fitted.predict(scan)
        volume = result.require_volume()
        best = np.zeros(0)
        for frame in scan.frames():
            mask = result.views[frame.id].foreground
            scores = result.map(frame.id)[mask]
            assert (volume.at(frame.points(mask)) >= scores).all()
            best = np.append(best, scores.max())
        assert result.score == volume.score == best.max()
        assert result.volume_refused is None
        assert set(result.seconds) == {"encoders", "mapping", "volume"}

    def test_predict__every_token_of_the_part_has_a_score(
        self, make_model: ModelMaker, make_scan: ScanMaker
    ) -> None:
        """Though the rim takes its neighbours' scores, and all of those are the part's edge and take theirs."""
        model, scan = make_model(size=224), make_scan(name="new")
        expected, square = model.fitted.expected, Square(60, 80, grid=16)
        assert expected is not None
        for index, maps in enumerate(model.predict(scan).views.values()):
            inner = inner_tokens(maps.foreground, square, share=model.config.inference.rim_share)
            rim = square.tokens_touched(maps.foreground) & ~inner
            beside_the_rim = cv2.dilate(rim.astype(np.uint8), np.ones((3, 3))).astype(bool)
            assert (rim.any(), (inner & ~beside_the_rim).any()) == (True, True)
            expected.edge[0, index] = torch.from_numpy((inner & beside_the_rim).ravel())
        for maps in model.predict(scan).views.values():
            touched = square.tokens_touched(maps.foreground)
            assert np.isfinite(maps.image_tokens[touched]).all()
            assert np.isfinite(maps.depth_tokens[touched]).all()
            assert np.isfinite(maps.combined()[maps.foreground]).all()

    def test_predict__planted_change(self, make_model: ModelMaker, make_scan: ScanMaker) -> None:
        model = make_model(training={"epochs": 40, "tokens_per_batch": None})
        good, bad = model.predict(make_scan()), model.predict(make_scan(name="bad", change=("01",)))
        assert bad.score > 3 * good.score
        for modality in ("image", "depth", "combined"):
            row, column = np.unravel_index(np.nanargmax(bad.map("01", modality)), (60, 80))
            assert 20 <= row < 40
            assert 30 <= column < 50

    def test_predict__fewer_views(self, fitted: ModMap, make_scan: ScanMaker) -> None:
        scan = make_scan()
        whole, part = fitted.predict(scan), fitted.predict(scan.subset(["03", "01"]))
        assert list(part.views) == ["03", "01"]
        for view_id in part.views:
            difference = part.map(view_id, "image") - whole.map(view_id, "image")
            assert np.nanmin(difference) > -1e-5
        swapped = fitted.predict(scan.subset(["03", "02", "01", "00"]))
        np.testing.assert_allclose(swapped.map("01"), whole.map("01"), atol=1e-5)
        assert swapped.score == pytest.approx(whole.score, abs=1e-5)

    def test_predict__unknown_view(self, fitted: ModMap, make_scan: ScanMaker) -> None:
        with pytest.raises(ModMapError, match=r"trained on \(00, 01, 02, 03\), found 04, 05"):
            fitted.predict(make_scan(views=6))

    def test_predict__missing_file(self, fitted: ModMap, make_scan: ScanMaker, tmp_path: Path) -> None:
        scan = make_scan()
        views = (*scan.views[:3], replace(scan.views[3], depth=tmp_path / "03.npy"))
        with pytest.raises(ModMapError, match=r"03\.npy: expected a file of view 03, found none"):
            fitted.predict(replace(scan, views=views))

    def test_predict__no_camera(self, fitted: ModMap, make_scan: ScanMaker) -> None:
        scan = _without_camera(make_scan(), "02")
        result = fitted.predict(scan)
        assert result.volume is None
        with pytest.raises(ModMapError, match=r"view 02 has none \(no pose\.txt in there\)"):
            result.require_volume()
        whole = fitted.predict(make_scan())
        assert result.score == whole.score
        np.testing.assert_array_equal(result.map("02"), whole.map("02"))
        with pytest.raises(ModMapError, match=r"view 02 has none \(no pose\.txt in there\)"):
            fitted.predict(scan, volume=True)

    def test_predict__no_volume_asked(self, fitted: ModMap, make_scan: ScanMaker) -> None:
        result = fitted.predict(make_scan(), volume=False)
        assert (result.volume, result.volume_refused) == (None, "not asked for")

    def test_predict__trained_without_cameras(self, make_model: ModelMaker, make_scan: ScanMaker) -> None:
        model = make_model(_without_camera(make_scan(), "00"), training={"epochs": 1})
        assert model.trained.grids == {}
        expected = VoxelGrid.around([make_scan()], 2.0)
        found = model.predict(make_scan()).require_volume().grid
        assert (found.shape, found.origin.tolist()) == (expected.shape, expected.origin.tolist())

    def test_predict__view_of_holes(self, fitted: ModMap, make_scan: ScanMaker) -> None:
        result = fitted.predict(_without_depth(make_scan(), "02"))
        assert list(result.views) == ["00", "01", "03"]
        assert "view 02: left out: no pixel of its depth map was measured" in result.notes
        _assert_same(replace(result, notes=()), fitted.predict(make_scan().subset(["00", "01", "03"])))

    def test_predict__nothing_but_holes(self, fitted: ModMap, make_scan: ScanMaker) -> None:
        scan = make_scan(views=1)
        with pytest.raises(ModMapError, match="found only holes in all 1 views"):
            fitted.predict(_without_depth(scan, "00"))

    def test_predict__grid_given(self, fitted: ModMap, make_scan: ScanMaker) -> None:
        scan = make_scan()
        whole = fitted.predict(scan)
        grid = VoxelGrid(np.array([10.0, -80, -80]), 2.0, (40, 80, 80))
        half = fitted.predict(scan, grid=grid)
        np.testing.assert_array_equal(
            half.require_volume().scores, whole.require_volume().resampled(grid).scores
        )
        points = [frame.points(whole.views[frame.id].foreground) for frame in scan.frames()]
        dropped = sum(int((one[:, 0] < 10).sum()) for one in points)
        assert half.notes == (
            f"volume: {dropped:,} points lie outside the grid that was given and were dropped",
        )
        assert whole.notes == ()

    def test_predict__training_grid_grows(self, fitted: ModMap, make_scan: ScanMaker) -> None:
        scan = make_scan()
        moved = []
        for view in scan.views:
            assert view.camera is not None
            pose = view.camera.T_world_to_camera.copy()
            pose[:3, 3] -= pose[:3, :3] @ np.array([20.0, 0, 0])  # the world moves by 20 mm along x
            moved.append(replace(view, camera=replace(view.camera, T_world_to_camera=pose)))
        plain = fitted.predict(scan).require_volume()
        grown = fitted.predict(replace(scan, views=tuple(moved))).require_volume()
        assert grown.grid.shape[0] > plain.grid.shape[0]
        seen = plain.grid.centres(np.argwhere(plain.observed))
        found = grown.at(seen + np.array([20.0, 0, 0]))
        agree = np.isclose(found, plain.at(seen), atol=1e-5)
        assert agree.mean() > 0.99  # points on a voxel's border may fall to either side


class TestMultiClass:
    @pytest.fixture(scope="class")
    def model(self, make_model: ModelMaker, make_scan: ScanMaker) -> ModMap:
        other = make_scan(name="other", category="boxes", change=("00", "01", "02", "03"))
        return make_model([make_scan(), other], mapping={"class_conditioning": True})

    def test_fit__two_classes(self, model: ModMap, make_scan: ScanMaker) -> None:
        assert model.trained.categories == ["balls", "boxes"]
        assert set(model.trained.grids) == {"balls", "boxes"}
        scan = make_scan()
        assert model.predict(scan).score == model.predict(scan, category="balls").score
        assert model.predict(scan).score != model.predict(scan, category="boxes").score

    def test_predict__unknown_or_missing_class(self, model: ModMap, make_scan: ScanMaker) -> None:
        with pytest.raises(ModMapError, match=r"knows \(balls, boxes\), found ball; did you mean balls\?"):
            model.predict(make_scan(category="ball"))
        with pytest.raises(ModMapError, match=r"knows \(balls, boxes\), found none"):
            model.predict(make_scan(category=None))
        assert model.predict(make_scan(category=None), category="boxes").score > 0


class TestInit:
    def test_init__unknown_setting(self) -> None:
        with pytest.raises(ModMapError, match="did you mean training"):
            ModMap(settings={"trainin": {}})

    def test_init__unknown_device(self) -> None:
        with pytest.raises(ModMapError, match="device: expected one that torch can use here, found 'gpu'"):
            ModMap(device="gpu")
