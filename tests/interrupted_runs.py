"""Runs that are killed, or that find the disk full, at a chosen one of their file operations.

Each run is a fork of this process, which has imported everything already, so that a point costs milliseconds. What a
run does to the files below one folder is counted there: audit hooks see what is opened for writing, renamed, removed
and made, and a layer below Python's files sees each write and each fsync. What libraries in C and C++ write is between
two of these.
"""

from __future__ import annotations

import builtins
import errno
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.rename": 0, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0, "os.symlink": 1, "os.link": 1}
GROWING = ("open", "os.mkdir", "os.symlink", "write")
SECONDS = 300.0
HIDDEN = (".partial-", ".committed", ".in-use", ".unfinished")


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        status: Its exit status, or the negative number of the signal that ended it.
        said: On the standard error.
        operations: On files below the root, counted; 0 of one that was killed.
        written: Bytes that Python wrote there.
    """

    status: int
    said: str
    operations: int
    written: int


@dataclass
class Watch:
    """Counts what happens to files below a root, and interferes.

    Attributes:
        root: The folder.
        kill_at: The operation before which the process is killed.
        full_at: The operation from which on the disk is full: nothing is made or written any more.
        room: Bytes that may be written until the disk is full.
    """

    root: str
    kill_at: int | None = None
    full_at: int | None = None
    room: int | None = None
    operations: int = field(default=0, init=False)
    written: int = field(default=0, init=False)

    def step(self, event: str, path: object) -> None:
        """Takes in an operation."""
        if not isinstance(path, str | bytes | os.PathLike) or not os.fsdecode(path).startswith(self.root):
            return
        self.operations += 1
        if self.operations == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.full_at is not None and self.operations >= self.full_at and event in GROWING:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fsdecode(path))

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook."""
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            self.step(event, arguments[0])
        elif event in CHANGES:
            self.step(event, arguments[CHANGES[event]])

    def begin(self) -> None:
        """Watches this process from now on, for good."""
        watch, plain_fsync, plain_open = self, os.fsync, io.open

        class Watched(io.FileIO):
            def write(self, data: Any) -> int:
                watch.step("write", self.name)
                data = memoryview(data).cast("B")
                left = None if watch.room is None else watch.room - watch.written
                if left is not None and len(data) > left:
                    super().write(data[:left])
                    watch.written += left
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                watch.written += len(data)
                return super().write(data) or 0

        def watched_open(file: Any, mode: str = "r", buffering: int = -1, *more: Any, **named: Any) -> Any:
            if not set(mode) & set("wax+") or isinstance(file, int) or "opener" in named:
                return plain_open(file, mode, buffering, *more, **named)
            raw = Watched(os.fspath(file), mode.replace("b", "").replace("t", ""))
            binary: Any = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            return binary if "b" in mode else io.TextIOWrapper(binary, *more, **named)

        def fsync(file: int) -> None:
            watch.step("fsync", os.readlink(f"/proc/self/fd/{file}"))
            plain_fsync(file)

        builtins.open = io.open = watched_open  # type: ignore[assignment]
        os.fsync = fsync  # type: ignore[assignment]
        # NumPy would hand its arrays to C, past Python's files.
        sys.modules[np.lib.format.write_array.__module__].isfileobj = lambda _: False  # type: ignore[attr-defined]
        sys.addaudithook(self.audit)


def run(verb: Callable[[], object], root: Path, **interfering: int) -> Ended:
    """Runs something in a fork of this process.

    Args:
        verb: What; its result or `SystemExit` is the exit status, None being 0.
        root: Operations below it count.
        interfering: What `Watch` takes.
    """
    told, errors = root.with_name(root.name + ".told"), root.with_name(root.name + ".errors")
    for file in (told, errors):
        file.unlink(missing_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _run_and_leave(verb, Watch(str(root), **interfering), told, errors)
    until = time.monotonic() + SECONDS
    ended, state = os.waitpid(child, os.WNOHANG)
    while not ended:
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise TimeoutError(errors.read_text())
        time.sleep(0.002)
        ended, state = os.waitpid(child, os.WNOHANG)
    operations, written = map(int, told.read_text().split()) if told.is_file() else (0, 0)
    return Ended(os.waitstatus_to_exitcode(state), errors.read_text(), operations, written)


def _run_and_leave(verb: Callable[[], object], watch: Watch, told: Path, errors: Path) -> None:
    status: object = 1
    try:
        for stream, place in ((1, os.devnull), (2, str(errors))):
            file = os.open(place, os.O_WRONLY | os.O_CREAT, 0o600)
            os.dup2(file, stream)
        sys.stdout, sys.stderr = (os.fdopen(one, "w", buffering=1) for one in (1, 2))
        watch.begin()
        try:
            status = verb()
        except SystemExit as stop:
            status = stop.code
        except BaseException:
            traceback.print_exc()
        sys.stderr.flush()
        file = os.open(told, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(file, f"{watch.operations} {watch.written}".encode())
    finally:
        os._exit(status if isinstance(status, int) else 0 if status is None else 1)


def spread(total: int, most: int | None) -> list[int]:
    """Numbers from 1 to a total, evenly spread, the first and the last among them; all of them where `most` is None."""
    if most is None or total <= most:
        return list(range(1, total + 1))
    # One alone is where half is done.
    places = np.linspace(1, total, most) if most > 1 else [total / 2]
    return sorted({round(float(one)) for one in places})


def begin_as(template: Path, place: Path) -> None:
    """Makes a folder what another one is, with its files' times."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(template, place, symlinks=True)


@contextmanager
def small_disk(place: Path, kibibytes: int) -> Iterator[None]:
    """A disk of its own at a folder, which grows when it is mounted anew; the test is skipped where none may be."""
    options = ["-o", f"size={kibibytes}k"]
    mounted = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def content(place: Path, *, without: Sequence[str] = ("seconds",)) -> dict[str, str]:
    """What lies in a folder, by path: digests, which don't tell how long something took or when it was packed."""
    return {path.relative_to(place).as_posix(): _digest(path, without) for path in _files(place)}


def hidden(place: Path) -> list[str]:
    """What writers have left in a folder."""
    return sorted(str(path.relative_to(place)) for path in place.rglob(".*") if path.name.startswith(HIDDEN))


def _files(place: Path) -> Iterator[Path]:
    return (path for path in sorted(place.rglob("*")) if path.is_file())


def _digest(path: Path, without: Sequence[str]) -> str:
    if any(part.startswith(".") for part in path.parts):  # a writer may have left half of it
        data = path.read_bytes()
    elif path.suffix == ".html":  # 3D scenes have numbers of their own each time
        data = b"a page" if path.read_bytes().rstrip().endswith(b"</html>") else path.read_bytes()
    elif path.suffix == ".npz":
        with np.load(path) as stored:
            data = b"".join(name.encode() + stored[name].tobytes() for name in sorted(stored.files))
    elif path.suffix in (".json", ".jsonl"):
        lines = [path.read_text()] if path.suffix == ".json" else path.read_text().splitlines(keepends=True)
        # A log's last line may be half of one.
        half = lines.pop() if path.suffix == ".jsonl" and lines and not lines[-1].endswith("\n") else ""
        data = json.dumps([_forget(json.loads(line), without) for line in lines]).encode() + half.encode()
    else:
        data = path.read_bytes()
    return hashlib.sha256(data).hexdigest()


def _forget(value: Any, names: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {key: _forget(one, names) for key, one in value.items() if key not in names}
    return [_forget(one, names) for one in value] if isinstance(value, list) else value
