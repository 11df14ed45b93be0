"""Runs a function in some real processes that reach one another through gloo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn


def in_processes(
    function: Callable[[int], dict[str, Any]], directory: Path, *, count: int = 2
) -> list[dict[str, Any]]:
    """What the function, at a module's top level, gave for each rank; tensors, numbers and their like."""
    spawn(_work, (count, function, str(directory)), nprocs=count)  # type: ignore[no-untyped-call]
    return [torch.load(directory / f"{rank}.pt", weights_only=True) for rank in range(count)]


def _work(rank: int, count: int, function: Callable[[int], dict[str, Any]], directory: str) -> None:
    torch.set_num_threads(1)
    meeting = f"file://{directory}/meeting"
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=count)
    result = function(rank)
    torch.save(result, f"{directory}/{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()
