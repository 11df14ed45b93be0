"""The network that comes with the package, beside timm's whole one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch

from modmap.encoding import cnn
from modmap.encoding.cnn import WEIGHTS, cnn_maps, lower_half
from modmap.errors import ModMapError


@pytest.mark.parametrize("channels", [1, 3])
def test_cnn_maps__are_those_of_timms_whole_network(channels: int) -> None:
    picture = np.random.default_rng(0).random((48, 80, channels)).astype(np.float32)
    whole = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    state = safetensors.torch.load_file(WEIGHTS)
    missing, unexpected = whole.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(
        name.startswith(("blocks.5", "blocks.6", "conv_head", "bn2", "classifier")) for name in missing
    )
    assert whole.pretrained_cfg["mean"] == whole.pretrained_cfg["std"] == (0.5, 0.5, 0.5)
    with torch.inference_mode():
        shown = torch.from_numpy(2 * picture - 1).permute(2, 0, 1).expand(1, 3, 48, 80)
        expected = whole.forward_intermediates(shown, intermediates_only=True)
    for found, one, stride in zip(cnn_maps(picture.squeeze()), expected[2:4], cnn.STRIDES, strict=True):
        assert found.shape[1:] == (48 // stride, 80 // stride)
        torch.testing.assert_close(found, one[0], rtol=1e-4, atol=1e-4)


def test_lower_half__keeps_what_the_file_holds() -> None:
    whole = timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    assert lower_half(whole).keys() == safetensors.torch.load_file(WEIGHTS).keys()


def test_cnn_maps__sides_that_no_patches_fill() -> None:
    with pytest.raises(ModMapError, match="cnn: expected sides that are multiples of 16, found 40x32"):
        cnn_maps(np.zeros((32, 40), np.float32))


def test_cnn_maps__damaged_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "model.safetensors"
    broken.write_bytes(WEIGHTS.read_bytes()[:1000])
    monkeypatch.setattr(cnn, "WEIGHTS", broken)
    cnn._network.cache_clear()
    try:
        with pytest.raises(
            ModMapError, match=r"model\.safetensors: expected the weights that come with modmap"
        ):
            cnn_maps(np.zeros((16, 16), np.float32))
    finally:
        cnn._network.cache_clear()
