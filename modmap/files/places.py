"""Whether a place may be written to: whose files are there, and whether the system lets us."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path

from modmap.errors import ModMapError, UsageError
from modmap.files.atomic import ASIDE, FULL, LOCK
from modmap.files.renewal import finish
from modmap.files.validated_json import read_json


def require_directory(path: Path, *, what: str) -> None:
    """Checks that a place is a directory, or could become one.

    Args:
        path: The place.
        what: Is to be written there, for the error.

    Raises:
        UsageError: it is a file, or a link that leads nowhere, or lies below a file.
    """
    if path.is_symlink() and not path.exists():
        raise UsageError(
            f"{path}: expected a directory to write {what} to, found a link that leads nowhere ({path.readlink()})"
        )
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path}: expected a directory to write {what} to, found a file")
    for above in path.absolute().parents:
        if above.exists() or above.is_symlink():
            if not above.is_dir():
                raise UsageError(
                    f"{path}: expected a directory to write {what} to, found {above}, which is none"
                )
            return


def require_free(path: Path, *, replaces: str | None = None, keys: Collection[str] = ()) -> None:
    """Checks that a directory may be written: it is new or empty, or holds what is written anew.

    Args:
        path: The directory.
        replaces: A directory that holds a JSON file of this name was written so before.
        keys: What that file says, by which it is told from others of the name.

    Raises:
        ModMapError: it may not: what is there is none of its own.
        OSError: a set of files that was being written when its writer was killed can't be moved to its place.
    """
    if path.is_dir():
        finish(path)
    if not path.exists() or (path.is_dir() and not any(_counts(one) for one in path.iterdir())):
        return
    if replaces is None:
        raise ModMapError(f"{path}: expected a new or empty directory to write to, found one in use")
    if not path.is_dir():
        raise ModMapError(f"{path}: expected a directory to write to, found a file")
    if not _says(path / replaces, keys):
        others = f"another {replaces}" if (path / replaces).exists() else "other files"
        raise ModMapError(
            f"{path}: expected a new or empty directory, or one with a {replaces} that is written anew, found one with "
            f"{others}"
        )


def require_writable(directory: Path) -> None:
    """Makes a directory where there is none, and checks that it can be written to.

    Raises:
        ModMapError: it can't.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        reason = "the disk is full" if error.errno in FULL else error.strerror
        raise ModMapError(f"{directory}: cannot be written to: {reason}") from None


def _counts(file: Path) -> bool:
    """Whether what lies in a directory is somebody's, and not what a writer of ours left."""
    return file.name != LOCK and not ASIDE.fullmatch(file.name)


def _says(file: Path, keys: Collection[str]) -> bool:
    """Whether a JSON file has some keys."""
    try:
        content = read_json(file)
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and set(keys) <= set(content)
