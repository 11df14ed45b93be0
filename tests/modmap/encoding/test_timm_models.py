"""timm's models by reference: loaded strictly, measured, from the right place, and what a user is told otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from modmap.encoding.hub_cache import download
from modmap.encoding.timm_models import declared_config, load_vit, patch_and_channels
from modmap.errors import ModMapError
from tests.hub_server import HubServer, use_hub
from tests.modmap.encoding.conftest import TINY

EncoderMaker = Callable[..., Path]


def _load(path: Path) -> None:
    load_vit(f"local-dir:{path}", img_size=112)


class TestLoadVit:
    @pytest.mark.parametrize("name", ["norm.weight", "blocks.1.attn.qkv.bias", "cls_token", "pos_embed"])
    @pytest.mark.parametrize("renamed", [True, False])
    def test_load_vit__weight_renamed_or_missing(
        self, make_encoder: EncoderMaker, name: str, renamed: bool
    ) -> None:
        path = make_encoder()
        weights = safetensors.torch.load_file(path / "model.safetensors")
        taken = weights.pop(name)
        if renamed:
            weights["stranger"] = taken
        safetensors.torch.save_file(weights, path / "model.safetensors")
        with pytest.raises(ModMapError) as caught:
            _load(path)
        message = str(caught.value)
        assert str(path) in message
        assert name in message
        assert ("stranger" in message) == renamed
        assert len(message) < 700
        assert "\n" not in message

    def test_load_vit__every_weight_renamed(self, make_encoder: EncoderMaker) -> None:
        path = make_encoder()
        weights = safetensors.torch.load_file(path / "model.safetensors")
        moved = {f"backbone.{name}": tensor for name, tensor in weights.items()}
        safetensors.torch.save_file(moved, path / "model.safetensors")
        with pytest.raises(
            ModMapError, match=r'"cls_token".* and 27 more.*"backbone\..* and 27 more'
        ) as caught:
            _load(path)
        assert len(str(caught.value)) < 800

    def test_load_vit__weight_of_another_shape(self, make_encoder: EncoderMaker) -> None:
        path = make_encoder()
        weights = safetensors.torch.load_file(path / "model.safetensors")
        weights["norm.weight"] = torch.ones(7)
        safetensors.torch.save_file(weights, path / "model.safetensors")
        with pytest.raises(ModMapError, match=r"norm\.weight.*\[7\].*\[32\]"):
            _load(path)

    def test_load_vit__a_repository_that_was_written_to_since(
        self, hub: HubServer, make_encoder: EncoderMaker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One that isn't a known encoder's: what is new is fetched, and what is cached does where no hub answers."""
        for seed in (0, 1):
            path = make_encoder(seed=seed)
            hub.add("some/vit", path)
            model = load_vit("hf-hub:some/vit", img_size=56)
            expected = safetensors.torch.load_file(path / "model.safetensors")
            assert all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())
        use_hub(monkeypatch, "http://127.0.0.1:9")
        again = load_vit("hf-hub:some/vit", img_size=56).state_dict()
        assert all(torch.equal(tensor, again[name]) for name, tensor in model.state_dict().items())

    def test_load_vit__out_of_reach(self, own_store: Path) -> None:
        with pytest.raises(ModMapError, match=r"^encoder hf-hub:some/vit: out of reach \(.*refused\)$"):
            load_vit("hf-hub:some/vit", img_size=56)


class TestPatchAndChannels:
    @pytest.mark.parametrize(("patch", "channels"), [(14, 1), (16, 3)])
    def test_patch_and_channels__as_declared(
        self, make_encoder: EncoderMaker, patch: int, channels: int
    ) -> None:
        path = make_encoder(patch=patch, in_chans=channels)
        assert patch_and_channels(f"local-dir:{path}") == (patch, channels)

    def test_patch_and_channels__no_vision_transformer(self, make_encoder: EncoderMaker) -> None:
        path = make_encoder()
        (path / "config.json").write_text(json.dumps({"architecture": "resnet10t"}))
        with pytest.raises(ModMapError, match="expected a timm vision transformer, found ResNet"):
            patch_and_channels(f"local-dir:{path}")

    def test_patch_and_channels__two_channels(self, make_encoder: EncoderMaker) -> None:
        with pytest.raises(ModMapError, match="expected 1 or 3 input channels, found 2"):
            patch_and_channels(f"local-dir:{make_encoder(in_chans=2)}")


class TestDeclaredConfig:
    def test_declared_config__of_the_revision_that_is_loaded(
        self, hub: HubServer, make_encoder: EncoderMaker
    ) -> None:
        revision = hub.add("some/vit", make_encoder(depth_normalisation="robust")).revision
        reference = f"hf-hub:some/vit@{revision}"
        load_vit(reference, img_size=56)
        assert declared_config(reference)["depth_normalisation"] == "robust"
        asked = [request for request in hub.requests if "/some/vit/" in request]
        assert asked
        assert all(f"/resolve/{revision}/" in request for request in asked)
        with pytest.raises(ModMapError, match=r"hf-hub:some/vit: out of reach \(.*Revision Not Found"):
            load_vit("hf-hub:some/vit@v2", img_size=56)

    def test_declared_config__of_a_known_encoder(self, hub: HubServer, hub_files: Path) -> None:
        download(TINY.hub_id)
        asked = len(hub.requests)
        declared = declared_config(f"hf-hub:{TINY.hub_id}")
        assert declared == json.loads((hub_files / "config.json").read_text()) | {"licence": "Apache-2.0"}
        assert len(hub.requests) == asked
