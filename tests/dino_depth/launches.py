"""Pretraining in processes of its own: as a user launches it, or, to begin at once, in forks of one that waits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.fork_server import Forked, ranks, run_all

REPOSITORY = Path(__file__).parents[2]
SCRIPT = str(REPOSITORY / "dino_depth" / "pretrain.py")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
CPU_2 = str(REPOSITORY / "dino_depth" / "configs" / "accelerate" / "cpu_2.yaml")
TWO = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", CPU_2, "--main_process_port", "0"]
ALONE: list[str] = []
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]


def losses(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def words(corpus: Path, out: Path, *more: str) -> list[str]:
    return ["--config", "smoke", "--data.corpus", str(corpus), "--run.out", str(out), *more]


def run(processes: int, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return _together(processes, [SCRIPT, *arguments], ENVIRONMENT)


def launched(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Two processes, by `accelerate launch`."""
    command = [*TWO, SCRIPT, *arguments]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)


def run_sharded(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Two processes, which share the weights out."""
    script = str(REPOSITORY / "tests" / "dino_depth" / "sharded_run.py")
    return _together(2, [script, *arguments], ENVIRONMENT | {"PYTHONPATH": str(REPOSITORY)})


def run_poisoned(
    processes: int, steps: Sequence[int], arguments: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """A run in which the gradients of some steps, counted from 0, are NaN in the last process."""
    script = str(REPOSITORY / "tests" / "dino_depth" / "poisoned_run.py")
    command = [script, ",".join(map(str, steps)), *arguments]
    return _together(processes, command, ENVIRONMENT | {"PYTHONPATH": str(REPOSITORY)})


def killed(processes: int, arguments: Sequence[str], out: Path, rng: np.random.Generator) -> bool:
    """Kills a run, all of its processes, at some time after it got a line further; False if it was done before."""
    before = len(losses(out)) if (out / "metrics.jsonl").exists() else 0
    begun = [Forked([SCRIPT, *arguments], env=one) for one in _environments(processes, ENVIRONMENT)]
    while begun[0].poll() is None:
        if (out / "metrics.jsonl").exists() and (out / "metrics.jsonl").read_bytes().count(b"\n") > before:
            time.sleep(rng.uniform(0, 0.3))
            break
        time.sleep(0.01)
    done = begun[0].poll() is not None
    for process in begun:
        process.kill()
        process.wait()
    return not done


def _together(
    processes: int, words: Sequence[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Processes that reach one another: the first status that isn't 0, and what all of them said."""
    environments = _environments(processes, environment)
    ended = run_all([words] * processes, envs=environments, cwds=[None] * processes)
    status = next((one.returncode for one in ended if one.returncode), 0)
    said = ("".join(one.stdout for one in ended), "".join(one.stderr for one in ended))
    return subprocess.CompletedProcess(list(words), status, *said)


def _environments(processes: int, environment: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    return [environment] if processes == 1 else ranks(processes, environment)


def stopped(launcher: Sequence[str], arguments: Sequence[str], out: Path, *, after: int) -> int:
    """Sends SIGTERM to a launcher, or to the run where there is none, once that has so many lines of metrics.

    Returns:
        The exit status.
    """
    process: subprocess.Popen[bytes] | Forked
    if launcher:
        environment = ENVIRONMENT | {"ACCELERATE_USE_CPU": "true"}
        command, nowhere = [*launcher, SCRIPT, *arguments], subprocess.DEVNULL
        process = subprocess.Popen(
            command, env=environment, stdout=nowhere, stderr=nowhere, start_new_session=True
        )
    else:
        process = Forked([SCRIPT, *arguments], env=ENVIRONMENT)
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
    environments = ranks(2, ENVIRONMENT | {"PYTHONPATH": str(REPOSITORY)})
    return run_all([[SCRIPT, *arguments]] * 2, envs=environments, cwds=places)
