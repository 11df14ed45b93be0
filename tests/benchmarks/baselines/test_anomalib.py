"""PatchCore and CFM through anomalib's whole pipeline and through ours, on miniatures in MVTec 3D-AD's layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import safetensors.torch
import timm
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score

from benchmarks.evaluations.single_view import main
from benchmarks.features.choice import make_encoder
from modmap.config import EncoderSettings
from modmap.scan import Frame
from tests.modmap.conftest import write_encoder

SIDE = 64
RELIEF_SIDE, TOKENS = 112, 8
ARCHITECTURE, LAYERS = "test_efficientnet", [8, 16]
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Square parts that fill their view, with a texture; faint marks that neither pipeline finds every time."""
    root = tmp_path_factory.mktemp("mvtec3d")
    rng = np.random.default_rng(0)
    v, u = np.mgrid[0:SIDE, 0:SIDE]
    texture = 120 + 40 * np.sin(u / 5) * np.cos(v / 7)
    for split, kind, count in (("train", "good", 4), ("test", "good", 8), ("test", "mark", 8)):
        place = root / "bagel" / split / kind
        for folder in ("rgb", "xyz", "gt"):
            (place / folder).mkdir(parents=True)
        for index in range(count):
            image = texture + rng.normal(0, 8, texture.shape)
            mask = np.zeros((SIDE, SIDE), np.uint8)
            if kind == "mark":
                top, left = rng.integers(8, SIDE - 20, 2)
                mask[top : top + 8, left : left + 8] = 255
                image[mask > 0] += rng.normal(0, 14, 64)
            gray = image.clip(0, 255).astype(np.uint8)
            cloud = np.stack([u / 100, v / 100, np.full(u.shape, 0.5)], axis=-1).astype(np.float32)
            Image.fromarray(np.repeat(gray[..., None], 3, axis=2)).save(place / "rgb" / f"{index:03d}.png")
            cv2.imwrite(str(place / "xyz" / f"{index:03d}.tiff"), cloud[..., ::-1])
            Image.fromarray(mask).save(place / "gt" / f"{index:03d}.png")
    return root


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random CNN that expects ImageNet's mean and spread, as anomalib assumes of every backbone."""
    directory = tmp_path_factory.mktemp("network")
    torch.manual_seed(0)
    model = timm.create_model(ARCHITECTURE)
    safetensors.torch.save_file(model.state_dict(), directory / "model.safetensors")
    config = {
        "architecture": ARCHITECTURE,
        "num_classes": model.num_classes,
        "pretrained_cfg": {"mean": MEAN, "std": STD, "num_classes": model.num_classes},
    }
    (directory / "config.json").write_text(json.dumps(config))
    return directory


class TestPatchCore:
    def test_image_auroc__is_that_of_anomalibs_pipeline(
        self, data_set: Path, network: Path, tmp_path: Path
    ) -> None:
        """Every feature kept, so that no coreset differs: the scores agree, and so does the figure."""
        from anomalib.data import Folder
        from anomalib.engine import Engine
        from anomalib.models import Patchcore

        layers = [
            layer["module"]
            for layer in timm.create_model(ARCHITECTURE, features_only=True).feature_info.get_dicts()
            if layer["reduction"] in LAYERS
        ]
        theirs = Patchcore(
            backbone=ARCHITECTURE,
            layers=layers,
            pre_trained=False,
            coreset_sampling_ratio=1.0,
            pre_processor=Patchcore.configure_pre_processor((SIDE, SIDE)),
            visualizer=False,
        )
        weights = safetensors.torch.load_file(network / "model.safetensors")
        extractor = theirs.model.feature_extractor.feature_extractor
        missing, _ = extractor.load_state_dict(weights, strict=False)
        assert not missing
        # Not its MVTec3D, which lists the training images' missing masks as numbers under newer pandas.
        data = Folder(
            name="bagel",
            root=data_set / "bagel",
            normal_dir="train/good/rgb",
            normal_test_dir="test/good/rgb",
            abnormal_dir="test/mark/rgb",
            train_batch_size=2,
            eval_batch_size=2,
            num_workers=0,
            val_split_mode="same_as_test",
        )
        engine = Engine(accelerator="cpu", logger=False, default_root_dir=tmp_path / "anomalib")
        engine.fit(model=theirs, datamodule=data)
        (figures,) = engine.test(model=theirs, datamodule=data)

        out = tmp_path / "ours"
        words = ["--dataset", "mvtec3d", "--root", data_set, "--out", out, "--method", "patchcore"]
        words += ["--no-plane", "--image-encoder", f"local-dir:{network}", "--size", SIDE, "--device", "cpu"]
        words += ["--set", "coreset=1", "most_kept=1000000", "inference.foreground=valid"]
        assert main([str(word) for word in words]) == 0
        ours = json.loads((out / "results.json").read_text())["categories"]["bagel"][0]["i_auroc"]

        theirs.model.eval()
        scores, labels, mine = [], [], []
        for kind in ("good", "mark"):
            for index in range(8):
                picture = Image.open(data_set / "bagel" / "test" / kind / "rgb" / f"{index:03d}.png")
                pixels = torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255).permute(2, 0, 1)
                mean, std = (torch.tensor(one)[:, None, None] for one in (MEAN, STD))
                with torch.no_grad():
                    scores.append(float(theirs.model(((pixels - mean) / std)[None]).pred_score))
                labels.append(kind == "mark")
                found = next((out / "bagel").glob(f"*/draw_0/maps/*{kind}*{index:03d}.npz"))
                mine.append(float(np.load(found)["score"]))
        np.testing.assert_allclose(mine, scores, rtol=1e-3)
        assert 0.5 < ours < 1
        assert ours == pytest.approx(roc_auc_score(labels, scores), abs=0.02)
        assert ours == pytest.approx(float(figures["image_AUROC"]), abs=0.02)


@pytest.fixture(scope="module")
def relief(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parts whose every hill is bright, each with other hills; on some a square shows others, faintly to fully."""
    root = tmp_path_factory.mktemp("relief")
    rng = np.random.default_rng(0)
    v, u = np.mgrid[0:RELIEF_SIDE, 0:RELIEF_SIDE]

    def hills() -> np.ndarray[Any, Any]:
        one, other = rng.uniform(0, 2 * np.pi, 2)
        found: np.ndarray[Any, Any] = np.sin(u / 6 + one) * np.cos(v / 8 + other)
        return found

    for split, kind, count in (("train", "good", 8), ("test", "good", 12), ("test", "mark", 12)):
        place = root / "bagel" / split / kind
        for folder in ("rgb", "xyz", "gt"):
            (place / folder).mkdir(parents=True)
        for index in range(count):
            height = hills()
            seen, mask = height.copy(), np.zeros(u.shape, np.uint8)
            if kind == "mark":
                top, left = rng.integers(8, RELIEF_SIDE - 32, 2)
                mask[top : top + 24, left : left + 24] = 255
                share = (index + 1) / count
                seen[mask > 0] = (share * hills() + (1 - share) * height)[mask > 0]
            gray = (120 + 80 * seen + rng.normal(0, 8, u.shape)).clip(0, 255).astype(np.uint8)
            z = 0.5 + 0.02 * height + rng.normal(0, 0.001, u.shape)
            cloud = np.stack([u / 100, v / 100, z], axis=-1).astype(np.float32)
            Image.fromarray(np.repeat(gray[..., None], 3, axis=2)).save(place / "rgb" / f"{index:03d}.png")
            cv2.imwrite(str(place / "xyz" / f"{index:03d}.tiff"), cloud[..., ::-1])
            Image.fromarray(mask).save(place / "gt" / f"{index:03d}.png")
    return root


class TestCFM:
    def test_image_auroc__is_that_of_anomalibs_pipeline(
        self, relief: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same frozen features go in; mappings, training, maps and scores are each pipeline's own."""
        from anomalib.data import Folder3D
        from anomalib.engine import Engine
        from anomalib.models import CFM
        from anomalib.models.image.cfm.components import FeatureProjectionMLP

        references = {
            "image": f"local-dir:{write_encoder(tmp_path / 'image')}",
            "depth": f"local-dir:{write_encoder(tmp_path / 'depth', channels=24, in_chans=1, seed=1)}",
        }

        class SameFeatures(torch.nn.Module):
            """Ours, where anomalib would fetch the weights of DINO and Point-MAE."""

            def __init__(self, **_: Any) -> None:
                super().__init__()
                self.encoders = {
                    modality: make_encoder(
                        EncoderSettings(reference=reference, normalisation="robust"),
                        modality,  # type: ignore[arg-type]
                        size=RELIEF_SIDE,
                    )
                    for modality, reference in references.items()
                }

            def get_features_maps(
                self, rgb: torch.Tensor, xyz: torch.Tensor
            ) -> tuple[torch.Tensor, torch.Tensor]:
                frames = [
                    Frame("00", (255 * one[0]).round().byte().numpy(), (1000 * cloud[2]).float().numpy())
                    for one, cloud in zip(rgb, xyz, strict=True)
                ]
                image, depth = (
                    torch.stack([encoder.tokens(frame).T.reshape(-1, TOKENS, TOKENS) for frame in frames])
                    for encoder in self.encoders.values()
                    if encoder is not None
                )
                return image.clone(), depth.clone()

        monkeypatch.setattr("anomalib.models.image.cfm.torch_model.MultimodalFeatures", SameFeatures)
        torch.manual_seed(0)
        theirs = CFM(
            lr=2e-3, pre_processor=CFM.configure_pre_processor((RELIEF_SIDE, RELIEF_SIDE)), visualizer=False
        )
        theirs.model.xyz_to_rgb_mapper = FeatureProjectionMLP(24, 32)
        theirs.model.rgb_to_xyz_mapper = FeatureProjectionMLP(32, 24)
        data = Folder3D(
            name="bagel",
            root=relief / "bagel",
            normal_dir="train/good/rgb",
            normal_depth_dir="train/good/xyz",
            normal_test_dir="test/good/rgb",
            normal_test_depth_dir="test/good/xyz",
            abnormal_dir="test/mark/rgb",
            abnormal_depth_dir="test/mark/xyz",
            train_batch_size=1,
            eval_batch_size=4,
            num_workers=0,
            val_split_mode="same_as_test",
        )
        engine = Engine(
            accelerator="cpu",
            logger=False,
            max_epochs=40,
            check_val_every_n_epoch=40,
            num_sanity_val_steps=0,
            default_root_dir=tmp_path / "anomalib",
        )
        engine.fit(model=theirs, datamodule=data)
        (figures,) = engine.test(model=theirs, datamodule=data)

        out = tmp_path / "ours"
        words = ["--dataset", "mvtec3d", "--root", relief, "--out", out, "--method", "cfm", "--no-plane"]
        words += ["--image-encoder", references["image"], "--depth-encoder", references["depth"]]
        words += ["--size", RELIEF_SIDE, "--device", "cpu", "--set", "inference.foreground=valid"]
        assert main([str(word) for word in words]) == 0
        ours = json.loads((out / "results.json").read_text())["categories"]["bagel"][0]["i_auroc"]
        assert 0.5 < ours < 1
        assert ours == pytest.approx(float(figures["image_AUROC"]), abs=0.1)
