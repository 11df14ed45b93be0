"""CNN features against the network's own layers, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
from torch.nn import functional as F

from benchmarks.features.choice import make_encoder
from benchmarks.features.cnn import CNNFeatures, is_cnn
from modmap.config import EncoderSettings
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.encoding.token_cache import TokenCache
from modmap.errors import ModMapError
from modmap.scan import Frame
from tests.benchmarks.baselines.conftest import write_cnn
from tests.modmap.conftest import write_encoder
from tests.synthetic_scans import ball_scan


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random CNN."""
    return write_cnn(tmp_path_factory.mktemp("cnn") / "net")


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random ViT."""
    return f"local-dir:{write_encoder(tmp_path_factory.mktemp('vit') / 'net')}"


def frame() -> Frame:
    return ball_scan(views=1, width=64, height=64).views[0].load()


class TestCNNFeatures:
    def test_tokens__equal_the_layers_hooked_out_of_the_network(self, place: Path) -> None:
        encoder = CNNFeatures(f"local-dir:{place}", "image", size=64)
        model = timm.create_model(f"local-dir:{place}", pretrained=True).eval()
        seen: dict[int, torch.Tensor] = {}
        for layer in model.feature_info:
            if layer["reduction"] in (8, 16):
                module = model.get_submodule(layer["module"])
                module.register_forward_hook(
                    lambda _, __, out, stride=layer["reduction"]: seen.update({stride: out})
                )
        pixels = torch.from_numpy(frame().image.astype(np.float32) / 255).expand(1, 3, -1, -1)
        with torch.no_grad():
            model((pixels - 0.5) / 0.25)
            fine, coarse = (F.avg_pool2d(seen[stride], 3, 1, 1) for stride in (8, 16))
            joined = torch.cat([fine, F.interpolate(coarse, size=(8, 8), mode="bilinear")], dim=1)
        found = encoder.tokens(frame())
        assert (encoder.grid, encoder.channels) == (8, joined.shape[1])
        torch.testing.assert_close(found, joined[0].permute(1, 2, 0).flatten(0, 1), atol=1e-5, rtol=1e-4)

    def test_tokens__resized_to_another_grid_and_kept(self, place: Path, tmp_path: Path) -> None:
        encoder = CNNFeatures(f"local-dir:{place}", "depth", size=64, grid=5)
        cache = TokenCache(tmp_path / "cache")
        found = encoder.tokens(frame(), cache=cache)
        assert found.shape == (25, encoder.channels)
        assert len(list((tmp_path / "cache").rglob("*.npy"))) == 1
        assert torch.equal(encoder.tokens(frame(), cache=cache), found)

    def test_fingerprint__of_weights_and_settings(self, place: Path) -> None:
        one, same, other = (CNNFeatures(f"local-dir:{place}", "image", size=size) for size in (64, 64, 96))
        assert one.fingerprint == same.fingerprint != other.fingerprint

    def test_init__missing_weight_is_named(self, place: Path, tmp_path: Path) -> None:
        weights = safetensors.torch.load_file(place / "model.safetensors")
        weights["stem.weight"] = weights.pop("conv_stem.weight")
        (tmp_path / "config.json").write_text((place / "config.json").read_text())
        safetensors.torch.save_file(weights, tmp_path / "model.safetensors")
        with pytest.raises(ModMapError, match=r"cannot be loaded: .*conv_stem.weight"):
            CNNFeatures(f"local-dir:{tmp_path}", "image", size=64)

    def test_init__weights_that_no_hub_gives(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("MODMAP_ENCODERS", str(tmp_path))

        def no_hub(repository: str) -> None:
            raise ModMapError(f"{repository}: out of reach")

        monkeypatch.setattr("benchmarks.features.cnn.require_on_hub", no_hub)
        with pytest.raises(ModMapError, match="encoder wide_resnet101_2: needs its weights") as error:
            CNNFeatures("wide_resnet101_2", "image", size=64)
        assert "\n" not in str(error.value)


class TestMakeEncoder:
    def test_make_encoder__by_name(self, place: Path, vit: str) -> None:
        assert make_encoder(EncoderSettings(), "image", size=64) is None
        assert make_encoder(EncoderSettings(reference="none"), "depth", size=64) is None
        fpfh = make_encoder(EncoderSettings(reference="fpfh"), "depth", size=64)
        assert fpfh is not None
        assert (fpfh.reference, fpfh.grid) == ("FPFH", 8)
        assert isinstance(
            make_encoder(EncoderSettings(reference=f"local-dir:{place}"), "image", size=64), CNNFeatures
        )
        assert isinstance(
            make_encoder(EncoderSettings(reference=vit), "depth", size=64, grid=4), FrozenEncoder
        )

    def test_make_encoder__only_a_vit_takes_a_precision(self, place: Path, vit: str) -> None:
        rough = make_encoder(EncoderSettings(reference=vit, precision="bfloat16"), "depth", size=64)
        assert isinstance(rough, FrozenEncoder)
        assert rough.precision == "bfloat16"
        for reference in ("fpfh", f"local-dir:{place}"):
            settings = EncoderSettings(reference=reference, precision="bfloat16")
            with pytest.raises(
                ModMapError, match=f"expected precision float32 for {reference}, found bfloat16"
            ):
                make_encoder(settings, "depth", size=64)

    def test_is_cnn__by_what_the_directory_says(self, place: Path, vit: str) -> None:
        assert is_cnn("wide_resnet101_2")
        assert is_cnn(f"local-dir:{place}")
        assert not is_cnn(vit)
        assert not is_cnn("dinov2_vits14")
