"""Where a run resumes: at its last checkpoint, if that is of the same recipe, batch and corpus."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from accelerate import Accelerator  # type: ignore[import-untyped]
from accelerate.utils import gather_object  # type: ignore[import-untyped]

from dino_depth.config import validated
from dino_depth.errors import ConfigError
from dino_depth.training.checkpoints import RECORD, Checkpoints, read_record


def resume(
    checkpoints: Checkpoints,
    record: Mapping[str, Any],
    *,
    model: Any,
    optimizer: Any,
    accelerator: Accelerator,
) -> dict[str, Any]:
    """Loads the last checkpoint, if there is one; every process must call.

    Args:
        checkpoints: Of the run.
        record: What a checkpoint of this run would remember: `config`, `steps`, `total_batch` and `sources`.
        model: As accelerate has prepared it.
        optimizer: Of its parameters, prepared too.
        accelerator: Of this process.

    Returns:
        What the last checkpoint remembers; `step` says the steps done so far, 0 without one.

    Raises:
        ConfigError: it is of another recipe, another total batch or another corpus, or not every process finds it.
        DinoDepthError: it is damaged.
    """
    latest = checkpoints.latest()
    everywhere = gather_object([None if latest is None else latest.name])
    if len(set(everywhere)) > 1:
        names = ", ".join(f"{name or 'none'} on process {rank}" for rank, name in enumerate(everywhere))
        raise ConfigError(
            f"{checkpoints.directory}: expected the same last checkpoint on every process, found {names}: name a "
            "--run.out on a disk that all machines see"
        )
    if latest is None:
        return {"step": 0}
    begun = read_record(latest)
    # Settings that an earlier version didn't have are what they are by default.
    config = validated(begun["config"], source=latest / RECORD).model_dump(mode="json")
    expected, found = _recipe(config), _recipe(record["config"])
    for section in found:
        if expected.get(section) != found[section]:
            raise ConfigError(
                f"{latest}: expected {section} {expected.get(section)}, as this run was begun with, found "
                f"{found[section]}; name another --run.out"
            )
    if begun["total_batch"] != record["total_batch"]:
        optim, processes = record["config"]["optim"], accelerator.num_processes
        batch, accumulate = optim["batch_per_gpu"], optim["accumulate"]
        raise ConfigError(
            f"{latest}: expected a total batch of {begun['total_batch']}, as this run was begun with, found "
            f"{record['total_batch']}: optim.batch_per_gpu {batch} x {processes} processes x optim.accumulate "
            f"{accumulate}; {_to_keep(begun['total_batch'], batch, processes)}, or name another --run.out"
        )
    # What the corpus holds decides how long an epoch is, and which maps a step takes.
    if begun.get("sources") != record["sources"]:
        raise ConfigError(
            f"{latest}: expected a corpus of {begun.get('sources')}, as this run was begun with, found "
            f"{record['sources']}; bring it back as it was, or name another --run.out"
        )
    return checkpoints.load(latest, model, optimizer.optimizer, scaler=accelerator.scaler)


def _recipe(config: Mapping[str, Any]) -> dict[str, Any]:
    """What must stay as the run was begun with: not how a step's maps are shared out."""
    shared_out = {("optim", "batch_per_gpu"), ("optim", "accumulate"), ("data", "workers")}
    return {
        section: {name: one for name, one in values.items() if (section, name) not in shared_out}
        if isinstance(values, Mapping)
        else values
        for section, values in config.items()
        if section != "run"
    }


def _to_keep(total_batch: int, batch: int, processes: int) -> str:
    """The settings that make a total batch with so many processes."""
    if total_batch % processes:
        return f"resume with a number of processes that divides {total_batch}"
    own = total_batch // processes
    batch = math.gcd(own, batch)
    return f"resume with --optim.batch_per_gpu {batch} --optim.accumulate {own // batch}"
