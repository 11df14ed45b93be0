"""Models on disk: bit-equal after loading, and what a damaged one says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import huggingface_hub
import numpy as np
import pytest
import safetensors.torch
import torch

from modmap.detector import model_files
from modmap.detector.model import ModMap
from modmap.errors import ModMapError
from modmap.scan import Scan

ScanMaker = Callable[..., Scan]
ModelMaker = Callable[..., ModMap]
EncoderMaker = Callable[..., Path]

NAME = "image_to_depth.layers.2.weight"


@pytest.fixture(scope="module")
def fitted(make_model: ModelMaker) -> ModMap:
    """A model of four views of the ball. Tests of this file don't change it."""
    return make_model()


@pytest.fixture
def saved(fitted: ModMap, tmp_path: Path) -> Path:
    """Its directory, without the encoders."""
    return fitted.save_pretrained(tmp_path / "model")


def _edit_weights(directory: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    weights = safetensors.torch.load_file(directory / "model.safetensors")
    change(weights)
    safetensors.torch.save_file(weights, directory / "model.safetensors")


def _edit_config(directory: Path, change: Callable[[dict[str, Any]], None]) -> None:
    config = json.loads((directory / "config.json").read_text())
    change(config)
    (directory / "config.json").write_text(json.dumps(config))


def _assert_predicts_the_same(model: ModMap, expected: ModMap, scan: Scan) -> None:
    first, second = model.predict(scan), expected.predict(scan)
    assert first.score == second.score
    for view_id in scan.view_ids:
        np.testing.assert_array_equal(first.map(view_id, "image"), second.map(view_id, "image"))
        np.testing.assert_array_equal(first.map(view_id, "depth"), second.map(view_id, "depth"))
    np.testing.assert_array_equal(first.require_volume().scores, second.require_volume().scores)


class TestSaveAndLoad:
    def test_from_pretrained__bit_equal(self, fitted: ModMap, saved: Path, make_scan: ScanMaker) -> None:
        model = ModMap.from_pretrained(saved, device="cpu")
        assert model.config == fitted.config
        assert model.trained == fitted.trained
        _assert_predicts_the_same(model, fitted, make_scan(change=("01",)))

    def test_from_pretrained__multi_class(
        self, make_model: ModelMaker, make_scan: ScanMaker, tmp_path: Path
    ) -> None:
        scans = [make_scan(), make_scan(name="other", category="boxes")]
        model = make_model(scans, mapping={"class_conditioning": True}, training={"epochs": 1})
        loaded = ModMap.from_pretrained(model.save_pretrained(tmp_path / "model"), device="cpu")
        _assert_predicts_the_same(loaded, model, scans[1])

    def test_from_pretrained__a_block_and_normals(
        self, make_model: ModelMaker, tiny_encoder: Path, make_scan: ScanMaker, tmp_path: Path
    ) -> None:
        shown = {"normalisation": "normals", "layer": 0}
        model = make_model(depth=tiny_encoder, depth_encoder=shown, training={"epochs": 1})
        directory = model.save_pretrained(tmp_path / "model", include_encoders=True)
        loaded = ModMap.from_pretrained(directory, device="cpu")
        assert (loaded.config.depth_encoder.layer, loaded.config.depth_encoder.normalisation) == (
            0,
            "normals",
        )
        _assert_predicts_the_same(loaded, model, make_scan(change=("01",)))
        other = make_model(depth=tiny_encoder, training={"epochs": 1})
        assert other.predict(make_scan()).score != model.predict(make_scan()).score

    def test_from_pretrained__saved_before_blocks_could_be_chosen(
        self, fitted: ModMap, saved: Path, make_scan: ScanMaker
    ) -> None:
        def forget(config: dict[str, Any]) -> None:
            for modality in ("image", "depth"):
                del config["config"][f"{modality}_encoder"]["layer"]

        _edit_config(saved, forget)
        _assert_predicts_the_same(ModMap.from_pretrained(saved, device="cpu"), fitted, make_scan())

    def test_save_pretrained__files(self, saved: Path) -> None:
        assert {path.name for path in saved.iterdir()} == {"config.json", "model.safetensors", "README.md"}
        assert "00, 01, 02, 03" in (saved / "README.md").read_text()

    def test_save_pretrained__before_fit(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match="expected a fitted model"):
            ModMap().save_pretrained(tmp_path / "model")
        assert not (tmp_path / "model").exists()

    @pytest.mark.parametrize(
        "name", ["config.json", "README.md", "model.safetensors", "calibration.json", "encoders/image/mine"]
    )
    def test_save_pretrained__never_over_other_files(self, fitted: ModMap, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("another's")
        with pytest.raises(ModMapError, match=f"found one with another {name.removesuffix('/mine')}$"):
            fitted.save_pretrained(tmp_path, include_encoders=True)
        assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]
        assert path.read_text() == "another's"

    def test_save_pretrained__over_an_interrupted_one(
        self, fitted: ModMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(model_files, "_card", Mock(side_effect=KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                fitted.save_pretrained(tmp_path)
        assert list(tmp_path.iterdir()) == []
        fitted.save_pretrained(tmp_path)
        assert ModMap.from_pretrained(tmp_path).trained == fitted.trained
        assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors", "README.md"}

    def test_save_pretrained__include_encoders(
        self, make_model: ModelMaker, make_encoder: EncoderMaker, make_scan: ScanMaker, tmp_path: Path
    ) -> None:
        image, depth = make_encoder(seed=5), make_encoder(seed=6, in_chans=1, patch=16)
        model = make_model(image=image, depth=depth)
        path = model.save_pretrained(tmp_path / "model", include_encoders=True)
        shutil.rmtree(image)
        shutil.rmtree(depth)
        moved = shutil.move(path, tmp_path / "elsewhere")
        _assert_predicts_the_same(ModMap.from_pretrained(moved, device="cpu"), model, make_scan())

    def test_save_pretrained__over_the_directory_it_came_from(
        self, fitted: ModMap, make_scan: ScanMaker, tmp_path: Path
    ) -> None:
        path = fitted.save_pretrained(tmp_path / "model", include_encoders=True)
        ModMap.from_pretrained(path, device="cpu").save_pretrained(path)
        _assert_predicts_the_same(ModMap.from_pretrained(path, device="cpu"), fitted, make_scan())
        fitted.save_pretrained(path)
        assert not (path / "encoders").exists()

    def test_save_pretrained__what_a_user_put_beside_it_stays(self, fitted: ModMap, tmp_path: Path) -> None:
        path = fitted.save_pretrained(tmp_path / "model", include_encoders=True)
        theirs = [path / name for name in ("notes.txt", "encoders/image/notes.txt", "photographs/a.png")]
        for file in theirs:
            file.parent.mkdir(exist_ok=True)
            file.touch()
        fitted.save_pretrained(path)
        assert sorted(one for one in path.rglob("*") if one.is_file()) == sorted(
            [*theirs, *(path / name for name in ("config.json", "model.safetensors", "README.md"))]
        )


class TestDamaged:
    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (lambda w: w.update({f"{NAME}_": w.pop(NAME)}), f"missing: {NAME}; unknown: {NAME}_"),
            (lambda w: w.pop(NAME), f"missing: {NAME}; unknown: none"),
            (lambda w: w.update(stranger=torch.ones(1)), "missing: none; unknown: stranger"),
            (
                lambda w: w.update({NAME: w[NAME].T.contiguous()}),
                f"weight {NAME}: expected shape (28, 32), found (32, 28)",
            ),
            (lambda w: w[NAME].fill_(torch.nan), f"weight {NAME}: expected finite numbers"),
        ],
    )
    def test_from_pretrained__weight(self, saved: Path, change: Any, expected: str) -> None:
        _edit_weights(saved, change)
        with pytest.raises(ModMapError) as caught:
            ModMap.from_pretrained(saved)
        assert str(saved / "model.safetensors") in str(caught.value)
        assert expected in str(caught.value)

    def test_from_pretrained__weights_truncated(self, saved: Path) -> None:
        whole = (saved / "model.safetensors").read_bytes()
        for length in (0, 4, 100, len(whole) - 1):
            (saved / "model.safetensors").write_bytes(whole[:length])
            with pytest.raises(ModMapError, match=r"model\.safetensors: expected a whole safetensors file"):
                ModMap.from_pretrained(saved)

    @pytest.mark.parametrize(
        ("place", "value"),
        [
            ("trained.image_channels", -1),
            ("trained.image_channels", 0),
            ("trained.depth_channels", 10**9),
            ("trained.fingerprints", {}),
            ("trained.losses", []),
            ("trained.losses", [float("nan")]),
            ("trained.training_score", float("inf")),
            ("trained.view_ids", []),
            ("trained.scans", []),
            ("trained.places", -5),
            ("config.mapping.modulator_hidden", 10**9),
            ("config.size", 10**6),
            ("config.training.peak_learning_rate", float("nan")),
            ("config.inference.voxel", float("inf")),
        ],
    )
    def test_load__values_that_no_model_has(self, saved: Path, place: str, value: Any) -> None:
        def change(config: dict[str, Any]) -> None:
            *sections, name = place.split(".")
            for section in sections:
                config = config[section]
            config[name] = value

        _edit_config(saved, change)
        with pytest.raises(ModMapError, match=r"config\.json: [^\n]+$"):
            ModMap.from_pretrained(saved)

    @pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
    def test_from_pretrained__file_is_missing(self, saved: Path, name: str) -> None:
        (saved / name).unlink()
        with pytest.raises(ModMapError, match=f"{name}: expected"):
            ModMap.from_pretrained(saved)

    @pytest.mark.parametrize("found", [2, None, "1"])
    def test_from_pretrained__other_format(self, saved: Path, found: Any) -> None:
        _edit_config(saved, lambda config: config.update(format=found))
        with pytest.raises(ModMapError, match=f"expected a modmap model of format 1, found {found!r}"):
            ModMap.from_pretrained(saved)

    def test_from_pretrained__unknown_key(self, saved: Path) -> None:
        _edit_config(saved, lambda config: config["config"]["training"].update(epoch=3))
        with pytest.raises(ModMapError, match=r"config\.training\.epoch: unknown key; did you mean epochs\?"):
            ModMap.from_pretrained(saved)

    def test_from_pretrained__nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match="expected a model's directory or a hub repo ORG/NAME"):
            ModMap.from_pretrained(tmp_path / "none")

    @pytest.mark.parametrize("modality", ["image", "depth"])
    def test_from_pretrained__another_encoder(
        self, saved: Path, make_encoder: EncoderMaker, make_scan: ScanMaker, modality: str
    ) -> None:
        other = {"image": make_encoder(seed=9), "depth": make_encoder(channels=24, in_chans=1, seed=9)}
        chosen: dict[str, Any] = {f"{modality}_encoder": f"local-dir:{other[modality]}"}
        model = ModMap.from_pretrained(saved, device="cpu", **chosen)
        with pytest.raises(ModMapError, match=f"{modality} encoder local-dir:.*trained with .*found others"):
            model.predict(make_scan())

    def test_from_pretrained__same_encoder_elsewhere(
        self, fitted: ModMap, saved: Path, tiny_encoder: Path, make_scan: ScanMaker, tmp_path: Path
    ) -> None:
        moved = shutil.copytree(tiny_encoder, tmp_path / "moved")
        model = ModMap.from_pretrained(saved, device="cpu", image_encoder=f"local-dir:{moved}")
        _assert_predicts_the_same(model, fitted, make_scan())


class TestPush:
    def test_push_to_hub__what_is_uploaded_loads(
        self, fitted: ModMap, make_scan: ScanMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class FakeHub:
            def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> str:
                assert (private, exist_ok) == (True, True)
                return f"https://hub.example/{repo_id}"

            def upload_folder(self, *, repo_id: str, folder_path: str, commit_message: str) -> None:
                shutil.copytree(folder_path, tmp_path / repo_id)

        monkeypatch.setattr(huggingface_hub, "HfApi", FakeHub)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda repo_id: str(tmp_path / repo_id))
        assert fitted.push_to_hub("some/model", private=True) == "https://hub.example/some/model"
        assert (tmp_path / "some" / "model" / "encoders" / "depth" / "model.safetensors").is_file()
        _assert_predicts_the_same(ModMap.from_pretrained("some/model", device="cpu"), fitted, make_scan())

    def test_push_to_hub__refused(self, fitted: ModMap, monkeypatch: pytest.MonkeyPatch) -> None:
        class Refusing:
            def create_repo(self, *_: object, **__: object) -> str:
                raise PermissionError("no token\nat all")

        monkeypatch.setattr(huggingface_hub, "HfApi", Refusing)
        with pytest.raises(ModMapError, match="some/model: the hub didn't take the model: no token at all"):
            fitted.push_to_hub("some/model", include_encoders=False)


class TestSettingsChangedAfterCalibration:
    """Thresholds are of a model with its settings and its encoders, not of its weights alone."""

    @pytest.fixture(scope="class")
    def calibrated(
        self, make_model: ModelMaker, make_scan: ScanMaker, tmp_path_factory: pytest.TempPathFactory
    ) -> Path:
        model = make_model(training={"epochs": 1}).calibrate(make_scan())
        return model.save_pretrained(tmp_path_factory.mktemp("calibrated") / "model")

    @pytest.mark.parametrize(
        ("section", "key", "value"),
        [
            ("inference", "aggregation", "mean"),
            ("inference", "voxel", 7.0),
            ("inference", "foreground", "valid"),
            ("evidence", "least_inspected", 0.1),
            ("depth_encoder", "normalisation", "reference"),
            ("image_encoder", "colour", True),
            (None, "size", 140),
            (None, "crop", True),
        ],
    )
    def test_from_pretrained__refuses_the_thresholds(
        self, calibrated: Path, tmp_path: Path, section: str | None, key: str, value: Any
    ) -> None:
        directory = shutil.copytree(calibrated, tmp_path / "model")

        def change(config: dict[str, Any]) -> None:
            settings = config["config"] if section is None else config["config"][section]
            settings[key] = value

        _edit_config(directory, change)
        with pytest.raises(
            ModMapError, match=r"calibration.json: expected thresholds of this model .* calibrate it"
        ):
            ModMap.from_pretrained(directory, device="cpu")
        assert ModMap.from_pretrained(directory, device="cpu", recalibrate=True).calibrations == {}

    def test_from_pretrained__other_encoders(self, calibrated: Path, tmp_path: Path) -> None:
        directory = shutil.copytree(calibrated, tmp_path / "model")
        _edit_config(directory, lambda config: config["trained"]["fingerprints"].update(image="0" * 64))
        with pytest.raises(ModMapError, match="other settings or encoders"):
            ModMap.from_pretrained(directory, device="cpu")

    def test_from_pretrained__the_same_encoders_elsewhere(
        self, calibrated: Path, tiny_encoder: Path, tmp_path: Path
    ) -> None:
        moved = shutil.copytree(tiny_encoder, tmp_path / "elsewhere")
        model = ModMap.from_pretrained(calibrated, device="cpu", image_encoder=f"local-dir:{moved}")
        assert set(model.calibrations) == {""}

    def test_from_pretrained__a_setting_that_an_earlier_version_did_not_have(
        self, calibrated: Path, tmp_path: Path
    ) -> None:
        directory = shutil.copytree(calibrated, tmp_path / "model")
        _edit_config(directory, lambda config: config["config"]["evidence"].pop("turns"))
        assert set(ModMap.from_pretrained(directory, device="cpu").calibrations) == {""}


class TestDivergence:
    @pytest.mark.parametrize("jittered", [0, 2])
    def test_fit__what_could_not_be_loaded_is_not_kept(self, make_model: ModelMaker, jittered: int) -> None:
        """One step only, whose loss is of the weights before it."""
        steps = {"epochs": 1, "pairs_per_batch": 100, "learning_rate": 1e30, "peak_learning_rate": 1e30}
        with pytest.raises(ModMapError, match=r"lower training.peak_learning_rate"):
            make_model(training=steps, inference={"jittered_scans": jittered})
