"""Runs a function in some real processes that reach one another through gloo."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from tests.fork_server import REPOSITORY, run_all

WORK = "import pickle, sys; rank, count, function, directory = pickle.load(open(sys.argv[1], 'rb')); "
WORK += "from tests.dino_depth.objective.processes import work; work(rank, count, function, directory)"


def in_processes(
    function: Callable[[int], dict[str, Any]], directory: Path, *, count: int = 2
) -> list[dict[str, Any]]:
    """What the function, at a module's top level, gave for each rank; tensors, numbers and their like."""
    for rank in range(count):
        (directory / f"{rank}.pickle").write_bytes(pickle.dumps((rank, count, function, str(directory))))
    words = [["-c", WORK, str(directory / f"{rank}.pickle")] for rank in range(count)]
    for ended in run_all(words, envs=[os.environ] * count, cwds=[REPOSITORY] * count):
        assert ended.returncode == 0, ended.stderr
    return [torch.load(directory / f"{rank}.pt", weights_only=True) for rank in range(count)]


def work(rank: int, count: int, function: Callable[[int], dict[str, Any]], directory: str) -> None:
    """What each of them does."""
    torch.set_num_threads(1)
    meeting = f"file://{directory}/meeting"
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=count)
    result = function(rank)
    torch.save(result, f"{directory}/{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()
