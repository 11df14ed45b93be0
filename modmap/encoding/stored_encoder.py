"""What an encoder's directory holds, read without loading it."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from modmap.errors import ModMapError, one_line
from modmap.files.renewal import finish
from modmap.files.validated_json import parsed_json

CONFIG_NAME, WEIGHTS_NAME = ENCODER_FILES = ("config.json", "model.safetensors")


@dataclass(frozen=True)
class StoredEncoder:
    """What an encoder's directory holds.

    Attributes:
        name: What it is called: the directory's name, or the short name of a published encoder.
        path: The directory.
        architecture: timm's name of the architecture, None where config.json does not say.
        source: Where the weights come from, None where config.json does not say.
        licence: Licence of the weights, None where config.json does not say.
        parameters: Number of stored weights.
        megabytes: Size of all its files, in units of 10^6 bytes.
        broken: Why the encoder cannot be loaded, None if nothing is wrong.
    """

    name: str
    path: Path
    architecture: str | None
    source: str | None
    licence: str | None
    parameters: int
    megabytes: float
    broken: str | None


def require_intact(path: Path) -> Path:
    """Gives back an encoder's directory.

    Raises:
        ModMapError: timm could not load an encoder from it.
    """
    broken = describe(path).broken
    if broken is not None:
        raise ModMapError(f"{path}: not a usable encoder: {broken}")
    return path


def describe(path: Path) -> StoredEncoder:
    """Reads what a directory says of itself, without reading the weights.

    Args:
        path: A directory, which need not exist.
    """
    with suppress(OSError):  # one that can't be finished is told as broken
        finish(path)
    config: dict[str, Any] = {}
    parameters = 0
    broken = None
    try:
        config = _read_config(path / CONFIG_NAME)
        parameters = _count_parameters(path / WEIGHTS_NAME)
    except ModMapError as error:
        broken = str(error)
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return StoredEncoder(
        name=path.name,
        path=path,
        architecture=config.get("architecture"),
        source=config.get("source"),
        licence=config.get("licence"),
        parameters=parameters,
        megabytes=size / 1e6,
        broken=broken,
    )


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = parsed_json(path.read_text(encoding="utf-8"), where=path.name)
    except OSError as error:
        raise ModMapError(f"expected a file {path.name} ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ModMapError(f"{path.name} is not JSON ({one_line(error)})") from error
    if not isinstance(config, dict) or not isinstance(config.get("architecture"), str):
        raise ModMapError(f"{path.name}: expected a key 'architecture' that names a timm model")
    return config


def _count_parameters(path: Path) -> int:
    """Reads the header alone, which also says whether the file is as long as it should be."""
    if not path.is_file():
        raise ModMapError(f"expected a file {path.name}")
    try:
        with safe_open(path, framework="numpy") as tensors:
            shapes = [tensors.get_slice(key).get_shape() for key in tensors.keys()]  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModMapError(f"{path.name} is no readable safetensors file ({one_line(error)})") from error
    return sum(math.prod(shape) for shape in shapes)
