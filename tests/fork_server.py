"""Python programs as processes of their own that begin as forks of one which has imported what takes longest.

A process that imports torch, timm and datasets anew takes ten seconds to begin, and the tests begin a hundred. Each
is a real process all the same: it can be killed, has its own environment, folder and output, and runs a file or module
as its main one. Not for what is told by an environment when a library is imported, nor for what must not depend on
what another process has hashed.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from select import select
from typing import Any

import torch

REPOSITORY = Path(__file__).parents[1]
IMPORTED = (
    "torch",
    "torch._dynamo",
    "torch.distributed.fsdp",
    "torch.distributed.checkpoint.state_dict",
    "timm",
    "accelerate",
    "datasets",
    "dino_depth.pretrain",
    "dino_depth.prepare",
    "benchmarks.evaluations.sim3d",
    "modmap.cli",
    "pytest",
    "hypothesis",
    "modmap.commands.predict",
    "modmap.commands.watch",
    "modmap.detector.model",
)


class Forked:
    """A process, as `subprocess.Popen` has it.

    Args:
        words: After `python`: the path of a file, or `-m` and a module, or `-c` and a text, and its arguments.
        env: Its environment.
        cwd: Its folder.
        output: Where its output goes, the standard one and the one for errors; nowhere by default.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | str | None = None,
        output: tuple[str, str] = (os.devnull, os.devnull),
    ) -> None:
        self.args = list(words)
        asked: dict[str, Any] = {"words": self.args, "output": output}
        asked |= {"env": dict(os.environ if env is None else env), "cwd": str(cwd or os.getcwd())}
        self._told = socket.socket(socket.AF_UNIX)
        self._told.connect(_server())
        self._told.sendall(json.dumps(asked).encode() + b"\n")
        self._lines = self._told.makefile("r")
        self.pid = int(self._lines.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit status, negative where a signal ended it; None while it runs."""
        if self.returncode is None:
            self._told.settimeout(0)
            try:
                ended = bool(self._told.recv(1, socket.MSG_PEEK))
            except BlockingIOError:
                return None
            finally:
                self._told.settimeout(None)
            assert ended
            self.returncode = int(self._lines.readline())
        return self.returncode

    def wait(self, timeout: float = 300) -> int:
        """Its exit status, once it has ended.

        Raises:
            TimeoutExpired: it hasn't, in so many seconds; it is killed.
        """
        until = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > until:
                self.kill()
                raise subprocess.TimeoutExpired(self.args, timeout)
            time.sleep(0.005)
        return status

    def send_signal(self, number: int) -> None:
        """Sends it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kills it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Asks it to end."""
        self.send_signal(signal.SIGTERM)


def run(
    words: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | str | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Runs a process to its end; as `subprocess.run` with its output as text."""
    return run_all([words], envs=[os.environ if env is None else env], cwds=[cwd], timeout=timeout)[0]


def run_all(
    commands: Sequence[Sequence[str]],
    *,
    envs: Sequence[Mapping[str, str]],
    cwds: Sequence[Path | str | None],
    timeout: float = 300,
) -> list[subprocess.CompletedProcess[str]]:
    """Runs processes at a time, each to its end."""
    with tempfile.TemporaryDirectory() as folder:
        places = [(f"{folder}/{index}.out", f"{folder}/{index}.err") for index in range(len(commands))]
        begun = [
            Forked(words, env=env, cwd=cwd, output=place)
            for words, env, cwd, place in zip(commands, envs, cwds, places, strict=True)
        ]
        try:
            ended = [one.wait(timeout) for one in begun]
        finally:
            for one in begun:
                one.kill()
        return [
            subprocess.CompletedProcess(one.args, status, *(Path(path).read_text() for path in place))
            for one, status, place in zip(begun, ended, places, strict=True)
        ]


def ranks(count: int, env: Mapping[str, str]) -> list[dict[str, str]]:
    """The environments of so many processes that reach one another, on the processor, as torchrun makes them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {**env, "ACCELERATE_USE_CPU": "true", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared |= {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
    return [{**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]


@lru_cache(maxsize=1)
def _server() -> str:
    """Where this process's server listens; begun when it is first asked for, ended with this process."""
    place = Path(tempfile.mkdtemp(prefix="fork-server-")) / "socket"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "tests.fork_server", str(place)]
    server = subprocess.Popen(words, cwd=REPOSITORY, env=environment, stdin=subprocess.PIPE)
    atexit.register(shutil.rmtree, place.parent, ignore_errors=True)
    atexit.register(server.kill)
    until = time.monotonic() + 300
    while not place.exists():
        assert server.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    return str(place)


def _serve(place: str) -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # forks need not go through all that was imported again
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(place + ".soon")
    listening.listen()
    os.rename(place + ".soon", place)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that answer
    while sys.stdin not in select([listening, sys.stdin], [], [])[0]:  # it ends with whoever began this
        told, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _answer(told)
        told.close()


def _answer(told: socket.socket) -> None:
    """Begins what was asked for, and tells its number and, at its end, its status."""
    try:
        asked = json.loads(told.makefile("r").readline())
        child = os.fork()
        if child == 0:
            told.close()
            _become(**asked)
        told.sendall(f"{child}\n".encode())
        told.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())
    finally:
        os._exit(0)


def _become(words: list[str], env: dict[str, str], cwd: str, output: tuple[str, str]) -> None:
    """Is the process, to its end."""
    status: object = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ.update(env)
        os.chdir(cwd)
        torch.set_num_threads(int(env.get("OMP_NUM_THREADS", "1")))
        for stream, path in enumerate((os.devnull, *output)):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), stream)
        _as_main(words, env)
        status = 0
    except SystemExit as stop:
        status = stop.code
        if isinstance(status, str):
            print(status, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 0 if status is None else 1)


def _as_main(words: list[str], env: Mapping[str, str]) -> None:
    kind, rest = words[0], words[1:]
    own = os.path.dirname(os.path.abspath(kind)) if not kind.startswith("-") else os.getcwd()
    sys.path[:] = [own, *filter(None, env.get("PYTHONPATH", "").split(os.pathsep)), *sys.path[1:]]
    if kind == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = words
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    _serve(sys.argv[1])
