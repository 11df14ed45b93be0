"""Checkpoints: written aside and renamed, the last few kept, a half one never loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any

import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, distributed, nn
from torch.amp import GradScaler
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    get_state_dict,
    set_state_dict,
)
from torch.optim import Optimizer

from dino_depth.atomic import atomic_directory, atomic_file, remove_leftovers
from dino_depth.errors import DinoDepthError, one_line
from dino_depth.files import checked, read_json

CHECKPOINTS = "checkpoints"
"""The folder in a run's directory."""
NAME = re.compile(r"step_(\d{8})")
MODEL, OPTIMIZER, RECORD = "model.safetensors", "optimizer.safetensors", "checkpoint.json"
FILES = (RECORD, MODEL, OPTIMIZER)
BEST = "best"
"""A link to the checkpoint that the probe liked best."""
SCALER = "scaler"


Steps = Annotated[int, Field(ge=0, le=2**53)]


class _Record(BaseModel):
    """What of a checkpoint's record is counted with; what else is in it is for the recorder."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)

    step: Steps = 0
    steps: Annotated[int, Field(ge=1, le=2**53)] = 1
    total_batch: Annotated[int, Field(ge=1, le=2**53)] = 1
    config: dict[str, Any] = {}
    sources: dict[str, Steps] | None = None
    scaler: dict[str, float | int] | None = None


class Checkpoints:
    """The checkpoints of a run, `<directory>/step_00001000`.

    The state of the model (student, teacher, centering) and of the optimiser is whole in every checkpoint, however the
    model was wrapped or sharded, so that a run can resume with another number of processes.

    Args:
        directory: Made where it is missing.
        keep: How many stay, the last ones.
        keep_every: Those whose step is a multiple of it stay too.
    """

    def __init__(self, directory: Path, *, keep: int, keep_every: int | None = None) -> None:
        self.directory = directory
        self.keep = keep
        self.keep_every = keep_every

    def tidy(self) -> None:
        """Removes what a killed run left: checkpoints half written or half removed."""
        remove_leftovers(self.directory)
        (self.directory / f".{BEST}").unlink(missing_ok=True)
        for path in self._named():
            if not (path / RECORD).is_file():
                _remove(path)

    def prune(self) -> None:
        """Leaves the last ones, those of round steps and the best; a killed run may have left more."""
        best = self.directory / BEST
        stays = {best.resolve().name} if best.is_symlink() else set()
        for old in self._whole()[: -self.keep]:
            if old.name not in stays and (self.keep_every is None or _step(old) % self.keep_every):
                _remove(old)

    def latest(self) -> Path | None:
        """The checkpoint of the highest step, or None."""
        found = self._whole()
        return found[-1] if found else None

    def save(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        *,
        step: int,
        record: dict[str, Any],
        scaler: GradScaler | None = None,
    ) -> None:
        """Writes a checkpoint; every process must call, the first one writes.

        Args:
            model: Wrapped or not.
            optimizer: Of its parameters.
            step: Steps done.
            record: What else to remember, as JSON.
            scaler: Of the loss, in float16.

        Raises:
            DinoDepthError: a number of the state isn't finite: the checkpoints that are there stay.
        """
        if scaler is not None:
            record = {**record, SCALER: scaler.state_dict()}
        # Gathered one tensor at a time, and kept by the first process only, in the memory of its CPU.
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        model_state, optimizer_state = get_state_dict(model, optimizer, options=options)
        if _rank() == 0:
            states: Any = optimizer_state["state"]
            moments = {f"{name}.{key}": value for name, one in states.items() for key, value in one.items()}
            path = self.directory / f"step_{step:08d}"
            for name, value in {**model_state, **moments}.items():
                require_finite(name, value, where=path)
            self._write(path, dict(model_state), moments, step=step, record=record)
        if distributed.is_initialized():
            distributed.barrier()

    def mark_best(self, step: int) -> None:
        """Makes `best` the name of a checkpoint that is there; it stays while it is so named."""
        partial = self.directory / f".{BEST}"
        partial.unlink(missing_ok=True)
        partial.symlink_to(f"step_{step:08d}")
        partial.replace(self.directory / BEST)
        self.prune()

    def load(
        self, path: Path, model: nn.Module, optimizer: Optimizer, *, scaler: GradScaler | None = None
    ) -> dict[str, Any]:
        """Puts a checkpoint into a model, its optimiser and the scaler of its loss, and returns its record.

        Raises:
            DinoDepthError: a file is missing or damaged, or a weight is missing, unknown or of another shape.
        """
        model_state: dict[str, Any] = dict(read_tensors(path / MODEL))
        moments: dict[str, dict[str, Tensor]] = {}
        for name, value in read_tensors(path / OPTIMIZER).items():
            parameter, _, key = name.rpartition(".")
            moments.setdefault(parameter, {})[key] = value
        record = read_record(path, needed=("step",))
        # Rates are set before every step; what is saved of the optimiser is its moments.
        groups = get_optimizer_state_dict(model, optimizer)["param_groups"]
        optimizer_state: dict[str, Any] = {"param_groups": groups, "state": moments}
        options = StateDictOptions(full_state_dict=True, strict=True)
        try:
            set_state_dict(
                model,
                optimizer,
                model_state_dict=model_state,
                optim_state_dict=optimizer_state,
                options=options,
            )
        except (RuntimeError, KeyError, ValueError) as error:
            reason = one_line(error, longest=300)
            raise DinoDepthError(
                f"{path}: expected the weights of this recipe, found others ({reason})"
            ) from None
        # One that was begun in another precision has none.
        if scaler is not None and record.get(SCALER):
            scaler.load_state_dict(record[SCALER])
        return record

    def _write(
        self, path: Path, model: dict[str, Any], moments: dict[str, Any], *, step: int, record: dict[str, Any]
    ) -> None:
        if path.is_dir():  # somebody's notes on a checkpoint that was removed stay
            (path / RECORD).unlink(missing_ok=True)
        with nullcontext(path) if path.is_dir() else atomic_directory(path) as place:
            _put(place / MODEL, _bytes(model))
            _put(place / OPTIMIZER, _bytes(moments))
            content = {**record, "step": step}
            _put(place / RECORD, (json.dumps(content, indent=2) + "\n").encode())
        self.prune()

    def _whole(self) -> list[Path]:
        return [path for path in self._named() if (path / RECORD).is_file()]

    def _named(self) -> list[Path]:
        if not self.directory.is_dir():
            return []
        return sorted(path for path in self.directory.iterdir() if NAME.fullmatch(path.name))


def _put(path: Path, data: bytes) -> None:
    with atomic_file(path) as partial:
        partial.write_bytes(data)


def _remove(checkpoint: Path) -> None:
    """Removes a checkpoint's files, the one first without which it is none; what else lies there stays."""
    for name in FILES:
        (checkpoint / name).unlink(missing_ok=True)
    with suppress(OSError):  # somebody's notes are in it
        checkpoint.rmdir()


def _step(checkpoint: Path) -> int:
    match = NAME.fullmatch(checkpoint.name)
    assert match is not None
    return int(match[1])


def _bytes(tensors: dict[str, Any]) -> bytes:
    # A number may be a view of something larger, and two names may share one memory.
    data: bytes = safetensors.torch.save(
        {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    )
    return data


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        DinoDepthError: it is missing or damaged, or a number in it isn't finite.
    """
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load_file(path)
    except FileNotFoundError:
        raise DinoDepthError(f"{path}: expected the state of a run, found no file") from None
    except (safetensors.SafetensorError, OSError) as error:
        raise DinoDepthError(
            f"{path}: expected a whole safetensors file, found a damaged one ({one_line(error)})"
        ) from None
    for name, value in tensors.items():
        require_finite(name, value, where=path)
    return tensors


def require_finite(name: str, value: Tensor, *, where: Path) -> None:
    """Checks a tensor of a run's state.

    Raises:
        DinoDepthError: a number of it is NaN or infinite.
    """
    if value.is_floating_point() and not torch.isfinite(value).all():
        bad = int((~torch.isfinite(value)).sum())
        raise DinoDepthError(
            f"{where}: expected finite numbers, found {bad} of {value.numel()} of {name} that are NaN or infinite"
        )


def read_record(
    checkpoint: Path, *, needed: Sequence[str] = ("config", "step", "steps", "total_batch")
) -> dict[str, Any]:
    """What a checkpoint remembers beside its tensors.

    Raises:
        DinoDepthError: it is missing or damaged, or something needed isn't in it.
    """
    path = checkpoint / RECORD
    record = read_json(path, what="a checkpoint's record")
    missing = [key for key in needed if key not in record]
    if missing:
        raise DinoDepthError(f"{path}: expected {', '.join(needed)}, found no {missing[0]}")
    checked(_Record, record, where=path, what="a checkpoint's record")
    return record


def checkpoint_of(source: Path) -> Path:
    """A checkpoint, or the last one of a run.

    Raises:
        DinoDepthError: it is neither.
    """
    if (source / RECORD).is_file():
        return source
    latest = Checkpoints(source / CHECKPOINTS, keep=1).latest()
    if latest is None:
        raise DinoDepthError(f"{source}: expected a checkpoint, or a run with {CHECKPOINTS}/, found none")
    return latest


def _rank() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0


def seed_of_step(seed: int, step: int, rank: int) -> int:
    """The seed of all that is random in one step of one process: nothing random needs to be saved."""
    return int(torch.tensor([seed, step, rank]).mul(torch.tensor([1_000_003, 7919, 104_729])).sum()) % (
        1 << 63
    )
