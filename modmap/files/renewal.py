"""A directory whose set of our files is exchanged in one rename, with whatever else lies in it left where it is.

The new set is written into a hidden folder of the directory, put on the disk, and the folder is renamed to
`.committed`: from then on the new set counts. Its files are then moved to their places, and those of the old set that
the new one lacks are removed. Should that be cut short, `finish` does the rest: at the next writing, and before our own
readers look. The set's last file goes first and comes last, so a program that knows nothing of this finds it in a whole
set alone.

Exchanging two directories in one call (Linux' renameat2) was not taken: neither all systems nor all file systems have
it, and the files of others, which would have to be carried over, would be away from their place for a moment.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from modmap.files.atomic import PlaceError, aside, flush, flush_all, held, remove_leftovers, telling

Read = TypeVar("Read")

COMMITTED, RECORD = ".committed", ".renewal.json"


@contextmanager
def renewed(directory: Path, *, last: str, ours: Callable[[], Collection[str]]) -> Iterator[Path]:
    """Gives a directory to put a set of files in; they take the place of the set in `directory`, all or none.

    What else lies in `directory` stays. Where there is no directory yet, it appears whole.

    Args:
        directory: Of the set.
        last: The file that a set is told by.
        ours: Asked at the end, when no other process changes the directory: the paths in it, with slashes, that a set
            may have, of which those that the new one lacks are removed. May refuse by an error, and nothing changes.

    Raises:
        FullDiskError: the disk is full; the old set stays.
        BusyError: another process is changing the directory, and goes on with that.
        OSError: a directory is where a file would come to be, or otherwise.
    """
    directory = directory.resolve()
    there = directory.is_dir()
    home = directory if there else directory.parent
    with telling(directory):
        remove_leftovers(home)
        with aside(home / directory.name, directory=True) as new, telling(directory, now=new):
            yield new
            flush_all(new)
            if not there:
                try:
                    os.rename(new, directory)
                except OSError:
                    if not directory.is_dir():
                        raise  # else another process was faster: this set takes the place of that one's
                else:
                    flush(directory.parent)
                    return
            with kept(directory):
                _commit(new, directory, last, ours())
                _move(directory)


def finish(directory: Path) -> None:
    """Moves a set of `renewed` whose writer was killed on the way to its places; to be called before one is read.

    Raises:
        OSError: the directory can't be written to.
    """
    if (directory / COMMITTED).is_dir():
        with kept(directory):
            pass


def finish_below(directory: Path) -> None:
    """As `finish`, for all directories in one, at any depth.

    Raises:
        OSError: one of them can't be written to.
    """
    for path in sorted(directory.rglob(COMMITTED)):
        finish(path.parent)


@contextmanager
def kept(directory: Path) -> Iterator[None]:
    """Keeps other processes from changing a set of `renewed`, which is finished first.

    Raises:
        BusyError: another process is changing it, and goes on with that.
        OSError: the directory can't be written to.
    """
    with held(directory):
        _move(directory)
        yield


def read_whole(directory: Path, last: str, read: Callable[[], Read]) -> Read:
    """What `read` gives of a set of `renewed`; it is asked again where another process renewed it meanwhile.

    Args:
        directory: Of the set.
        last: As for `renewed`.
        read: Reads the set.

    Raises:
        OSError: as `finish`, and whatever `read` raises.
    """
    while True:
        finish(directory)
        before = stamp(directory / last)
        try:
            found = read()
        except Exception:
            if _is_as(directory, last, before):
                raise
            continue
        if _is_as(directory, last, before):
            return found


def stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written anew; None of one that isn't there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _commit(new: Path, directory: Path, last: str, ours: Collection[str]) -> None:
    """Makes a new set the one that counts, by one rename."""
    names = _files(new)
    for name in names:
        if (directory / name).is_dir():
            raise PlaceError(
                errno.EISDIR, "expected a file to write anew, found a directory", str(directory / name)
            )
    gone = sorted(name for name in {*ours} - {*names} if (directory / name).is_file())
    (new / RECORD).write_text(json.dumps({"last": last, "gone": gone}), encoding="utf-8")
    flush(new / RECORD)
    flush(new)
    os.rename(new, directory / COMMITTED)
    flush(directory)


def _move(directory: Path) -> None:
    """Moves the files of a set that counts to their places; of one that was half moved the rest."""
    ready = directory / COMMITTED
    if (ready / RECORD).is_file():
        names = [name for name in _files(ready) if name != RECORD]
        last, gone = _recorded(ready, names)
        names = [name for name in names if name != last]
        if (ready / last).is_file():
            (directory / last).unlink(missing_ok=True)
            flush(directory)
            for name in gone:
                (directory / name).unlink(missing_ok=True)
                _remove_empty(directory, name)
            for name in names:
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(ready / name, directory / name)
            for folder in {(directory / name).parent for name in names} | {directory}:
                flush(folder)
            os.replace(ready / last, directory / last)
            flush(directory)
        (ready / RECORD).unlink()
    shutil.rmtree(ready, ignore_errors=True)


def _recorded(ready: Path, names: Collection[str]) -> tuple[str, list[str]]:
    """The last file of a set, and those of the old one that go.

    Raises:
        PlaceError: the record is none of ours, or leads out of the directory: one that was got from elsewhere may say
            anything.
    """
    try:
        record = json.loads((ready / RECORD).read_bytes())
        last, gone = str(record["last"]), [str(name) for name in record["gone"]]
        home = ready.parent.resolve()
        inside = all((home / name).parent.resolve().is_relative_to(home) for name in (last, *gone, *names))
    except (ValueError, KeyError, TypeError, RecursionError, OSError):
        inside = False
    if not inside:
        raise PlaceError(
            errno.EINVAL,
            "expected files of ours that were being exchanged, found others: remove this folder",
            str(ready),
        )
    return last, gone


def _remove_empty(directory: Path, name: str) -> None:
    """Removes the folders of a path that nothing is left in."""
    with suppress(OSError):
        for folder in Path(name).parents[:-1]:
            (directory / folder).rmdir()


def _files(directory: Path) -> list[str]:
    """The paths of all files in a directory, with slashes, in order."""
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def _is_as(directory: Path, last: str, before: tuple[int, int, int] | None) -> bool:
    return not (directory / COMMITTED).is_dir() and stamp(directory / last) == before
