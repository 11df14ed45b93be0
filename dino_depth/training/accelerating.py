"""What accelerate is asked for, and what of it is checked before the first step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from accelerate.utils import (  # type: ignore[import-untyped]
    DistributedDataParallelKwargs,
    InitProcessGroupKwargs,
)
from torch.distributed.fsdp import MixedPrecisionPolicy

from dino_depth.config import PretrainConfig
from dino_depth.errors import ConfigError, one_line
from dino_depth.training.launcher import processes_asked

LONGEST_WAIT = timedelta(hours=2)


def accelerator_of(config: PretrainConfig) -> Accelerator:
    """What accelerate makes of this process and of the run's settings.

    Raises:
        ConfigError: a precision or a tracker can't be had, or accelerate began fewer processes than it was asked for.
    """
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")  # products of float32 by TF32
    try:
        accelerator = Accelerator(
            cpu=not (torch.cuda.is_available() or torch.backends.mps.is_available()),
            mixed_precision=config.run.mixed_precision,
            log_with=list(config.run.trackers) or None,
            project_dir=config.run.out,
            kwargs_handlers=[
                DistributedDataParallelKwargs(broadcast_buffers=False),
                InitProcessGroupKwargs(timeout=LONGEST_WAIT),
            ],
        )
    except ValueError as error:  # a precision that this device hasn't, a tracker that isn't installed
        raise ConfigError(
            f"run: expected settings that accelerate takes on this machine, found others: {one_line(error)}"
        ) from None
    there = {str(getattr(one, "value", one)) for one in accelerator.log_with}
    missing = [name for name in config.run.trackers if name not in there and name != "all"]
    if missing:
        raise ConfigError(
            f"run.trackers: expected trackers that are installed, found none of {', '.join(missing)}"
        )
    asked = processes_asked()
    if asked is not None and asked > accelerator.num_processes:
        raise ConfigError(
            f"accelerate launch: expected {asked} processes, as it was asked for, found {accelerator.num_processes}: "
            f"on CPUs it begins one without --multi_cpu; torchrun --nproc_per_node {asked} begins as many"
        )
    return accelerator


def dtype_of(accelerator: Accelerator) -> torch.dtype:
    """Of what passes the ViT."""
    kinds = {"fp16": torch.float16, "bf16": torch.bfloat16}
    return kinds.get(accelerator.mixed_precision, torch.float32)


def autocast_alone(accelerator: Accelerator) -> None:
    """Leaves mixed precision to autocast where weights are sharded too, so that all is as where they aren't.

    accelerate's own policy would round what enters a block, to which the block adds little, and the losses and sums of
    gradients. The price: weights are gathered in float32.
    """
    if accelerator.is_fsdp2:
        accelerator.state.fsdp_plugin.mixed_precision_policy = MixedPrecisionPolicy()


def begin_trackers(config: PretrainConfig, accelerator: Accelerator) -> bool:
    """Gives the trackers the whole recipe; whether there are any."""
    if config.run.trackers:
        accelerator.init_trackers("dino_depth", config=_flat(config.model_dump(mode="json")))
    return bool(config.run.trackers)


def _flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested settings by names such as `optim.lr`, as trackers take them: numbers and words."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{before}{name}.")
        else:
            flat[before + name] = value if isinstance(value, bool | int | float | str) else str(value)
    return flat
