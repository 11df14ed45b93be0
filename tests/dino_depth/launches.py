"""Pretraining in processes of its own, as a user launches it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).parents[2]
SCRIPT = str(REPOSITORY / "dino_depth" / "pretrain.py")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
CPU_2 = str(REPOSITORY / "dino_depth" / "configs" / "accelerate" / "cpu_2.yaml")
TWO = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", CPU_2, "--main_process_port", "0"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
LAUNCHERS = {1: [sys.executable], 2: TWO}


def losses(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def words(corpus: Path, out: Path, *more: str) -> list[str]:
    return ["--config", "smoke", "--data.corpus", str(corpus), "--run.out", str(out), *more]


def run(processes: int, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [*LAUNCHERS[processes], SCRIPT, *arguments]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)


def run_sharded(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Two processes, which share the weights out."""
    script = str(REPOSITORY / "tests" / "dino_depth" / "sharded_run.py")
    environment = ENVIRONMENT | {"ACCELERATE_USE_CPU": "true", "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        [*TORCHRUN, script, *arguments], env=environment, capture_output=True, text=True, timeout=300
    )


def run_poisoned(
    processes: int, steps: Sequence[int], arguments: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """A run in which the gradients of some steps, counted from 0, are NaN in the last process."""
    script = str(REPOSITORY / "tests" / "dino_depth" / "poisoned_run.py")
    command = [*LAUNCHERS[processes], script, ",".join(map(str, steps)), *arguments]
    environment = ENVIRONMENT | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def killed(processes: int, arguments: Sequence[str], out: Path, rng: np.random.Generator) -> bool:
    """Kills a run, all of its processes, at some time after it got a line further; False if it was done before."""
    command = [*LAUNCHERS[processes], SCRIPT, *arguments]
    before = len(losses(out)) if (out / "metrics.jsonl").exists() else 0
    process = subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while process.poll() is None:
        if (out / "metrics.jsonl").exists() and (out / "metrics.jsonl").read_bytes().count(b"\n") > before:
            time.sleep(rng.uniform(0, 0.3))
            break
        time.sleep(0.01)
    done = process.poll() is not None
    if not done:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return not done


def stopped(command: Sequence[str], out: Path, *, after: int) -> int:
    """Sends SIGTERM to a launcher once its run has so many lines of metrics; the exit status."""
    environment = ENVIRONMENT | {"ACCELERATE_USE_CPU": "true"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while process.poll() is None:
            if (out / "metrics.jsonl").exists() and len(losses(out)) >= after:
                process.terminate()
                break
            time.sleep(0.01)
        return process.wait(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def run_on_two_machines(
    arguments: Sequence[str], places: tuple[Path, Path]
) -> list[subprocess.CompletedProcess[str]]:
    """One process on each, which share a network and no disk: a relative path is a place of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = ENVIRONMENT | {"ACCELERATE_USE_CPU": "true", "PYTHONPATH": str(REPOSITORY), "WORLD_SIZE": "2"}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    begun = [
        subprocess.Popen(
            [sys.executable, SCRIPT, *arguments],
            cwd=place,
            env=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, place in enumerate(places)
    ]
    ended = [(one, *one.communicate(timeout=300)) for one in begun]
    return [subprocess.CompletedProcess(one.args, one.returncode, *said) for one, *said in ended]
