"""Runs a function in two real processes that reach one another through gloo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn


def in_two_processes(function: Callable[[int], dict[str, Any]], directory: Path) -> list[dict[str, Any]]:
    """What the function, at a module's top level, gave for ranks 0 and 1; tensors, numbers and their like."""
    spawn(_work, (function, str(directory)), nprocs=2)  # type: ignore[no-untyped-call]
    return [torch.load(directory / f"{rank}.pt", weights_only=True) for rank in range(2)]


def _work(rank: int, function: Callable[[int], dict[str, Any]], directory: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{directory}/meeting", rank=rank, world_size=2)
    result = function(rank)
    torch.save(result, f"{directory}/{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()
