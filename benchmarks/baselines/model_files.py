"""A fitted method on disk: `config.json`, written last, and `model.safetensors`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from modmap.detector.trained_state import Grid
from modmap.errors import ModMapError
from modmap.files.atomic import write_bytes
from modmap.files.renewal import read_whole, renewed
from modmap.files.validated_json import read_json, validate

CONFIG, WEIGHTS = "config.json", "model.safetensors"


class BaselineState(BaseModel):
    """What training left behind, beside the tensors.

    Attributes:
        scans: Names of the training scans.
        view_ids: The views that were learnt from.
        fingerprints: Of the encoders, by modality.
        grids: The voxel grid of each category; an empty name where scans have none.
        training_score: What the training scans score at most themselves.
        seconds: Wall time of the training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    scans: list[str]
    view_ids: list[str]
    fingerprints: dict[str, str]
    grids: dict[str, Grid]
    training_score: float
    seconds: dict[str, float]


class BaselineRecord(BaseModel):
    """The content of `config.json`."""

    model_config = ConfigDict(extra="forbid")

    method: str
    settings: dict[str, Any]
    trained: BaselineState


def save(directory: Path, record: BaselineRecord, tensors: Mapping[str, Tensor]) -> Path:
    """Writes a model; it takes the place of one that the directory holds all at once."""
    stored = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with renewed(directory, last=CONFIG, ours=lambda: (WEIGHTS, CONFIG)) as new:
        write_bytes(new / WEIGHTS, safetensors.torch.save(stored, metadata={"format": "pt"}))
        write_bytes(new / CONFIG, (record.model_dump_json(indent=2) + "\n").encode())
    return directory


def load(directory: Path, *, method: str) -> tuple[BaselineRecord, dict[str, Tensor]]:
    """Reads a model.

    Raises:
        ModMapError: a file is missing or damaged, or it is of another method.
    """
    return read_whole(directory, CONFIG, lambda: _loaded(directory, method))


def _loaded(directory: Path, method: str) -> tuple[BaselineRecord, dict[str, Tensor]]:
    record = validate(BaselineRecord, read_json(directory / CONFIG), where=str(directory / CONFIG))
    if record.method != method:
        raise ModMapError(f"{directory / CONFIG}: expected a model of {method}, found one of {record.method}")
    path = directory / WEIGHTS
    try:
        return record, safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise ModMapError(f"{path}: expected a whole safetensors file ({error})") from None


def tensors_fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of what a method learnt."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
