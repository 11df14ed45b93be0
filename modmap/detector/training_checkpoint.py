"""Where a long training has come to, on disk: one that is killed is resumed, and ends with the same weights.

The paper's schedule takes an hour of two cores on twelve views and nine times that on thirty-six.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from modmap.errors import ModMapError, one_line
from modmap.files.atomic import atomic_file
from modmap.files.validated_json import parsed_json
from modmap.mapping.training import Training

MODEL, MOMENTS, RANDOM, PROGRESS = "model.", "moments.", "random", "progress"
EVERY_SECONDS = 20.0


@dataclass
class TrainingCheckpoint:
    """A file with the state of a training after a whole epoch.

    Attributes:
        path: The file; its folder is made.
        every: Seconds between writes, which are worth some epochs.
    """

    path: Path
    every: float = EVERY_SECONDS
    _written: float = field(default_factory=time.monotonic, init=False)
    _inputs: str = field(default="", init=False)

    def resume(self, training: Training) -> None:
        """Puts the kept state into a training that is about to begin; a state of other inputs is left alone.

        Raises:
            ModMapError: the file is damaged.
        """
        self._inputs = _inputs_of(training)
        if not self.path.is_file():
            return
        try:
            with safetensors.safe_open(self.path, framework="pt") as file:
                progress: dict[str, Any] = parsed_json((file.metadata() or {})[PROGRESS], where=PROGRESS)
                if progress["inputs"] != self._inputs:
                    return
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            _put(tensors, progress, training)
        except Exception as error:  # safetensors, JSON and torch each have their own
            raise ModMapError(
                f"{self.path}: expected the state of a training, found a damaged file ({one_line(error)}): remove it"
            ) from None

    def keep(self, training: Training) -> None:
        """Writes the state after an epoch, where the last write is long enough ago; to be asked after `resume`."""
        if time.monotonic() - self._written < self.every:
            return
        state = training.optimiser.state_dict()
        tensors = {f"{MODEL}{name}": value for name, value in training.mapper.state_dict().items()}
        tensors |= {
            f"{MOMENTS}{number}.{key}": value
            for number, one in state["state"].items()
            for key, value in one.items()
        }
        tensors[RANDOM] = training.generator.get_state()
        progress = {
            "inputs": self._inputs,
            "losses": training.losses,
            "groups": state["param_groups"],
            "schedule": training.schedule.state_dict(),
        }
        content = safetensors.torch.save(
            {name: value.detach().cpu().contiguous() for name, value in tensors.items()},
            metadata={PROGRESS: json.dumps(progress)},
        )
        with atomic_file(self.path) as partial:
            partial.write_bytes(content)
        self._written = time.monotonic()


def _put(tensors: dict[str, Tensor], progress: dict[str, Any], training: Training) -> None:
    """Puts a state into a training.

    Raises:
        ValueError: it holds what no training comes to; or another library's errors.
    """
    losses = [float(loss) for loss in progress["losses"]]
    for name, value in tensors.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ValueError(f"{name}: expected finite numbers, found NaN or infinity")
    if len(losses) > training.settings.epochs or not all(map(math.isfinite, losses)):
        raise ValueError(f"expected finite losses of at most {training.settings.epochs} epochs")
    training.mapper.load_state_dict(_below(tensors, MODEL))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _below(tensors, MOMENTS).items():
        number, _, key = name.partition(".")
        moments.setdefault(int(number), {})[key] = value
    groups = [{**group, "betas": tuple(group["betas"])} for group in progress["groups"]]
    training.optimiser.load_state_dict({"state": moments, "param_groups": groups})
    training.schedule.load_state_dict(progress["schedule"])
    training.generator.set_state(tensors[RANDOM])
    training.losses[:] = losses


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _inputs_of(training: Training) -> str:
    """A digest of all that a training's result depends on, before its first step."""
    digest = hashlib.sha256(f"{training.settings.model_dump_json()} {training.cross_view}".encode())
    bank = training.bank
    for tensor in (bank.image, bank.depth, bank.foreground, bank.view, bank.category, bank.scan):
        _add(digest, tensor)
    for parameter in training.mapper.parameters():
        _add(digest, parameter)
    return digest.hexdigest()


def _add(digest: Any, tensor: Tensor | None) -> None:
    if tensor is None:
        digest.update(b"none")
        return
    digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
    digest.update(tensor.detach().cpu().contiguous().numpy().data)
