"""Where a long training has come to, on disk: one that is killed goes on, and ends with the same weights."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from modmap.errors import ModMapError
from modmap.files.atomic import atomic_file

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

    def take_up(
        self,
        model: nn.Module,
        optimiser: Optimizer,
        schedule: LRScheduler,
        generator: torch.Generator,
        *,
        inputs: str,
    ) -> list[float]:
        """Puts the kept state into a training that is about to begin.

        Args:
            model: With its initial weights.
            optimiser: Of its parameters, in their order.
            schedule: Of its rates.
            generator: Of the batches.
            inputs: What the training depends on, as text; a state of other inputs is left alone.

        Returns:
            The mean losses of the epochs that are done; empty where the training begins.

        Raises:
            ModMapError: the file is damaged.
        """
        if not self.path.is_file():
            return []
        try:
            with safetensors.safe_open(self.path, framework="pt") as file:
                progress: dict[str, Any] = json.loads((file.metadata() or {})[PROGRESS])
                if progress["inputs"] != _digest(inputs):
                    return []
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (safetensors.SafetensorError, OSError, KeyError, json.JSONDecodeError) as error:
            reason = " ".join(str(error).split())
            raise ModMapError(
                f"{self.path}: expected the state of a training, found a damaged file ({reason}): remove it"
            ) from None
        model.load_state_dict(_below(tensors, MODEL))
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _below(tensors, MOMENTS).items():
            number, _, key = name.partition(".")
            moments.setdefault(int(number), {})[key] = value
        groups = [{**group, "betas": tuple(group["betas"])} for group in progress["groups"]]
        optimiser.load_state_dict({"state": moments, "param_groups": groups})
        schedule.load_state_dict(progress["schedule"])
        generator.set_state(tensors[RANDOM])
        losses: list[float] = progress["losses"]
        return losses

    def keep(
        self,
        model: nn.Module,
        optimiser: Optimizer,
        schedule: LRScheduler,
        generator: torch.Generator,
        *,
        inputs: str,
        losses: list[float],
    ) -> None:
        """Writes the state after an epoch, where the last write is long enough ago; see `take_up`."""
        if time.monotonic() - self._written < self.every:
            return
        state = optimiser.state_dict()
        tensors = {f"{MODEL}{name}": value for name, value in model.state_dict().items()}
        tensors |= {
            f"{MOMENTS}{number}.{key}": value
            for number, one in state["state"].items()
            for key, value in one.items()
        }
        tensors[RANDOM] = generator.get_state()
        progress = {
            "inputs": _digest(inputs),
            "losses": losses,
            "groups": state["param_groups"],
            "schedule": schedule.state_dict(),
        }
        content = safetensors.torch.save(
            {name: value.detach().cpu().contiguous() for name, value in tensors.items()},
            metadata={PROGRESS: json.dumps(progress)},
        )
        with atomic_file(self.path) as partial:
            partial.write_bytes(content)
        self._written = time.monotonic()

    def remove(self) -> None:
        """Takes the file away: the training is done, and what it came to is kept elsewhere."""
        self.path.unlink(missing_ok=True)


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
