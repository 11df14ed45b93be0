"""Files and directories that are whole or not there, whatever becomes of the process or the disk that writes them.

What is written is written aside, under a hidden name beside its place, put on the disk (fsync), and renamed.

Whoever writes aside holds a lock (flock) on what he writes, which the system takes back however he ends, on whichever
machine: what isn't locked is a dead writer's, and goes at the next writing into the same directory. No process is asked
for by its number, and nothing is removed that isn't known to be ours.

Who changes a directory holds `.in-use` in it, which says who that is; others wait for their turn, or are told. (The
package filelock leaves its file behind and doesn't say who holds it.) Where a file system has no locks, none are held,
and nothing is taken for a dead writer's.

This file is in both packages, the same to the last letter, and imports neither.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, which doesn't let go of open files either: nothing is locked there
    fcntl = None  # type: ignore[assignment]

ASIDE = re.compile(r"\.partial-[0-9a-f]{12}-.*", re.DOTALL)
LOCK = ".in-use"
FULL = (errno.ENOSPC, errno.EDQUOT)
PATIENCE = 60.0  # seconds that one waits for its turn: a set is moved within one
SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")  # NumPy's words for a disk that is full


class PlaceError(OSError):
    """A place that can't be written to; says which and why in one line."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


class FullDiskError(PlaceError):
    """A disk, or what a user may take of it, is full."""


class BusyError(PlaceError):
    """Another process is at work on a place."""


@contextmanager
def atomic_file(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Gives a path beside `path` to write to; it becomes `path` at the end, or goes where that fails.

    Args:
        path: The file; its folder is made.
        durable: Put it on the disk before it takes the old one's place; what can be made anew needn't be.

    Raises:
        FullDiskError: the disk is full; what was at `path` stays.
    """
    with telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent)
        # What is aside as a whole is put on the disk as a whole.
        durable = durable and not any(ASIDE.fullmatch(part) for part in path.parent.parts)
        with aside(path, directory=False) as partial:
            yield partial
            if durable:
                flush(partial)
            os.replace(partial, path)
            if durable:
                flush(path.parent)


@contextmanager
def atomic_directory(path: Path, *, home: Path | None = None) -> Iterator[Path]:
    """Gives a directory to fill; it becomes `path` at the end, or goes where that fails.

    Where `path` is a link, what it leads to is written, and the link stays.

    Args:
        path: The directory to be; an empty one may be there.
        home: Where to fill it, on the same disk; beside `path` by default. Made where it is missing.

    Raises:
        FullDiskError: the disk is full.
        OSError: at the end: something is at `path` that isn't an empty directory.
    """
    path = path.resolve()
    home = home or path.parent
    with telling(path):
        remove_leftovers(home)
        with aside(home / path.name, directory=True) as partial, telling(path, now=partial):
            yield partial
            flush_all(partial)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(partial, path)
            flush(path.parent)


@contextmanager
def held(directory: Path, *, wait: float = PATIENCE, name: Path | None = None) -> Iterator[None]:
    """Keeps other processes from a directory.

    Args:
        directory: Made where it is missing.
        wait: Seconds to wait for the turn; 0 to be told at once.
        name: What the error calls the directory.

    Raises:
        BusyError: another process has it; says which.
    """
    if fcntl is None:
        yield
        return
    path, until = directory / LOCK, time.monotonic() + wait
    with telling(directory):
        while True:
            directory.mkdir(parents=True, exist_ok=True)
            try:
                file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            except FileNotFoundError:  # another has just removed the directory
                continue
            got = _locked(file)
            if got is False and time.monotonic() >= until:
                holder = os.pread(file, 200, 0).decode(errors="replace").strip() or "unknown"
                os.close(file)
                raise BusyError(
                    errno.EBUSY,
                    f"another process is writing here ({holder}): wait until it has ended, or name another place",
                    str(name or directory),
                )
            if got is not False and _is_at(path, file):
                break
            os.close(file)
            if got is False:
                time.sleep(0.02)
    try:
        with suppress(OSError):  # a full disk: then the holder isn't told
            os.ftruncate(file, 0)
            os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def remove_leftovers(directory: Path) -> None:
    """Removes what writers that are dead left aside in a directory; what others are writing stays."""
    try:
        names = [name for name in os.listdir(directory) if ASIDE.fullmatch(name)]
    except OSError:  # there is none
        return
    for name in names:
        with suppress(OSError):  # its writer, or another who tidies up, was faster
            file = os.open(directory / name, os.O_RDONLY)
            try:
                if _locked(file):
                    _remove(directory / name)
            finally:
                os.close(file)


@contextmanager
def staging(directory: Path) -> Iterator[Path]:
    """A directory aside, in `directory`, for what is to be moved or thrown away; it goes at the end.

    Raises:
        FullDiskError: the disk is full.
    """
    with telling(directory):
        remove_leftovers(directory)
        with aside(directory / "staging", directory=True) as partial:
            yield partial


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file of a directory that isn't in its place yet.

    Raises:
        FullDiskError: the disk is full.
    """
    with telling(path):
        path.write_bytes(data)


@contextmanager
def telling(path: Path, *, now: Path | None = None) -> Iterator[None]:
    """Tells of a disk that fills by one line, instead of what the many who write make of it.

    Args:
        path: The file or directory that is written.
        now: Where its files are written for now.

    Raises:
        FullDiskError: names the file.
    """
    try:
        yield
    except Exception as error:
        full = _full_disk(error)
        if full is None:
            raise
        named = full.filename if isinstance(full, FullDiskError) else None
        where = path if named is None else Path(named)
        if now is not None and where.is_relative_to(now):
            where = path / where.relative_to(now)
        raise FullDiskError(errno.ENOSPC, "cannot be written: the disk is full", str(where)) from None


@contextmanager
def aside(place: Path, *, directory: bool) -> Iterator[Path]:
    """A new hidden file or directory beside a place, locked by this process; what is left of it at the end goes."""
    while True:
        # Of a long name the end, which has the suffix, by which some writers choose a format.
        partial = place.parent / f".partial-{secrets.token_hex(6)}-{place.name[-40:]}"
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            if directory:
                partial.mkdir()
            if fcntl is None:
                break
            file = os.open(partial, os.O_RDONLY if directory else os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileNotFoundError:  # one who tidies up took it for a dead one's before it was locked
            continue
        if _locked(file) is not False and _is_at(partial, file):
            break
        os.close(file)
    try:
        yield partial
    finally:
        _remove(partial)
        if fcntl is not None:
            os.close(file)


def _locked(file: int) -> bool | None:
    """Locks an open file: whether that could be done, None where the system has no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EAGAIN, errno.EACCES) else None
    return True


def _is_at(path: Path, file: int) -> bool:
    """Whether an open file is still the one at a path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except OSError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def flush_all(directory: Path) -> None:
    """Puts all files of a directory on the disk, and what the directories say of them."""
    for folder, _, names in os.walk(directory, topdown=False):
        for name in names:
            flush(Path(folder, name))
        flush(Path(folder))


def flush(path: Path) -> None:
    """Puts a file, or what a directory says of its files, on the disk."""
    if fcntl is None and path.is_dir():
        return
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # not every file system does so for directories
            raise
    finally:
        os.close(file)


def _full_disk(error: BaseException | None) -> OSError | BaseException | None:
    """Of an error and those that it came from, the one that says that a disk is full; None where none does."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return error
        if SHORT_WRITE.search(str(error)) or os.strerror(errno.ENOSPC) in str(error):
            return error
        error = error.__cause__ or error.__context__
    return None
