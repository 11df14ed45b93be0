"""What a run is about to do, in some lines to read before the first step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from accelerate import Accelerator  # type: ignore[import-untyped]

from dino_depth.config import PretrainConfig
from dino_depth.objective.schedules import Schedules


def start_lines(
    config: PretrainConfig,
    accelerator: Accelerator,
    schedules: Schedules,
    *,
    attention: str,
    sources: Mapping[str, int],
    start: int,
) -> str:
    """Processes, device, precision, attention, batch, steps, rate, corpus, probes and trackers, a line each.

    Args:
        config: The recipe.
        accelerator: Of this process.
        schedules: Of the run.
        attention: How crops pass the ViT, a line.
        sources: How many maps of the corpus each source gave.
        start: Steps done before.
    """
    optim, run = config.optim, config.run
    device = accelerator.device
    where = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"{device.type}, {torch.get_num_threads()} threads"
    )
    processes = accelerator.num_processes
    maps = optim.batch_per_gpu * processes * optim.accumulate
    found = ", ".join(f"{name} {count:,}" for name, count in sources.items())
    probes = f"every {run.probe_every} steps, on {run.probe_maps} maps" if run.probe_every else "none"
    return "\n".join(
        [
            f"processes: {processes} ({accelerator.distributed_type.value}), each on {where}",
            f"precision: {accelerator.mixed_precision}",
            attention,
            f"batch: {maps} maps a step, {optim.batch_per_gpu} x {processes} processes x {optim.accumulate} in turn",
            f"steps: {schedules.steps:,} from {start:,}, {schedules.steps_per_epoch:,} of them an epoch",
            f"learning rate: up to {schedules.peak_lr:.3g}, {optim.lr:.3g} at 1024 maps a step",
            f"corpus: {config.data.corpus}, {sum(sources.values()):,} maps ({found})",
            f"probes: {probes}",
            f"trackers: {', '.join(run.trackers) or 'none'}",
        ]
    )
