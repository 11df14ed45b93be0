"""Starting weights: a gray image's tokens and a depth map's are the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch

from dino_depth.config import ModelSettings
from dino_depth.errors import ConfigError
from dino_depth.training.checkpoints import Checkpoints
from dino_depth.training.starting_weights import load_run, load_start, load_starting_weights
from tests.dino_depth.objective.tiny import tiny_config, tiny_student_teacher
from tests.dino_depth.training.test_checkpoints import begun, go_on
from tests.modmap.conftest import write_encoder

SMALL = {"patch_size": 14, "embed_dim": 32, "depth": 2, "num_heads": 2, "num_classes": 0, "in_chans": 1}


class TestLoadStartingWeights:
    @pytest.mark.parametrize(
        ("mean", "deviation"),
        [((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))],
    )
    def test_load__gray_image_gives_the_same_tokens(
        self, tmp_path: Path, mean: tuple[float, ...], deviation: tuple[float, ...]
    ) -> None:
        """Of an image that is normalised as the encoder's images were; depth isn't."""
        seen = {"input_size": [3, 56, 56], "num_classes": 0, "mean": mean, "std": deviation}
        source = write_encoder(tmp_path / "vit", pretrained_cfg=seen)
        backbone = timm.create_model("vit_tiny_patch16_224", img_size=56, **SMALL).eval()
        load_starting_weights(backbone, str(source))
        original = timm.create_model(f"local-dir:{source}", pretrained=True).eval()
        gray = torch.rand(2, 1, 56, 56)
        normalised = (gray - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(deviation).view(3, 1, 1)
        with torch.inference_mode():
            expected = original.forward_features(normalised)
            torch.testing.assert_close(backbone.forward_features(gray), expected, rtol=1e-4, atol=1e-4)

    def test_load__no_bias_to_fold_a_mean_into(self, tmp_path: Path) -> None:
        source = write_encoder(tmp_path / "vit")
        weights = safetensors.torch.load_file(source / "model.safetensors")
        del weights["patch_embed.proj.bias"]
        safetensors.torch.save_file(weights, source / "model.safetensors")
        config = json.loads((source / "config.json").read_text())
        config["model_args"]["pre_norm"] = True  # timm's ViTs with it have no bias there
        weights |= {"norm_pre.weight": torch.ones(32), "norm_pre.bias": torch.zeros(32)}
        safetensors.torch.save_file(weights, source / "model.safetensors")
        config["pretrained_cfg"] |= {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
        (source / "config.json").write_text(json.dumps(config))
        backbone = timm.create_model("vit_tiny_patch16_224", img_size=56, pre_norm=True, **SMALL)
        with pytest.raises(ConfigError, match="expected a patch embedding with a bias, or images of mean 0"):
            load_starting_weights(backbone, str(source))

    def test_load__directory_by_its_name_alone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = write_encoder(tmp_path / "vit")
        monkeypatch.chdir(tmp_path)
        backbone = timm.create_model("vit_tiny_patch16_224", img_size=56, **SMALL)
        load_starting_weights(backbone, "vit")
        original = timm.create_model(f"local-dir:{source}", pretrained=True)
        assert torch.equal(backbone.cls_token, original.cls_token)

    def test_load__position_embedding_fits_the_grid(self, tmp_path: Path) -> None:
        source = write_encoder(tmp_path / "vit")
        backbone = timm.create_model("vit_tiny_patch16_224", img_size=112, **SMALL)
        load_starting_weights(backbone, f"local-dir:{source}")
        assert backbone.pos_embed.shape == (1, 65, 32)

    def test_load__another_architecture(self, tmp_path: Path) -> None:
        source = write_encoder(tmp_path / "vit", channels=24)
        backbone = timm.create_model("vit_tiny_patch16_224", img_size=56, **SMALL)
        with pytest.raises(ConfigError, match="expected the same architecture") as error:
            load_starting_weights(backbone, str(source))
        assert "\n" not in str(error.value)
        with pytest.raises(ConfigError, match=r"model\.start_from: none_such: can't be loaded"):
            load_starting_weights(backbone, "none_such")


class TestLoadRun:
    def test_load_run__on_larger_crops_gives_the_same_tokens(self, tmp_path: Path) -> None:
        """Of a crop of the same size, whose position embedding is the middle of no grid but the resampled whole."""
        model, optimizer = begun(3)
        go_on(model, optimizer, range(2))
        Checkpoints(tmp_path / "checkpoints", keep=1).save(model, optimizer, step=2, record={})
        other = tiny_student_teacher(seed=9)
        load_run(other, str(tmp_path))
        for name, value in model.state_dict().items():
            assert torch.equal(other.state_dict()[name], value), name
        larger = tiny_student_teacher(tiny_config(crops={"global_size": 112}), seed=9)
        load_run(larger, str(tmp_path / "checkpoints" / "step_00000002"))
        for branch in ("student", "teacher"):
            found, expected = (getattr(one, branch).backbone for one in (larger, model))
            assert found.pos_embed.shape == (1, 65, 32)
            grid = expected.pos_embed[:, 1:].detach().unflatten(1, (4, 4)).permute(0, 3, 1, 2)
            smooth = torch.nn.functional.interpolate(grid, size=(8, 8), mode="bicubic", antialias=True)
            torch.testing.assert_close(found.pos_embed[:, 1:].detach(), smooth.flatten(2).mT)
            assert torch.equal(found.patch_embed.proj.weight, expected.patch_embed.proj.weight)

    def test_load_run__mistakes(self, tmp_path: Path) -> None:
        model, optimizer = begun(3)
        with pytest.raises(ConfigError, match=r"model.init_from: .*: expected a checkpoint, or a run"):
            load_run(model, str(tmp_path))
        Checkpoints(tmp_path / "checkpoints", keep=1).save(model, optimizer, step=2, record={})
        other = tiny_student_teacher(tiny_config(heads={"prototypes": 32}))
        with pytest.raises(ConfigError, match="step_00000002: expected the same architecture and heads"):
            load_run(other, str(tmp_path))
        both = ModelSettings(start_from="here", init_from="there")
        with pytest.raises(ConfigError, match=r"found there and model\.start_from here"):
            load_start(other, both)
