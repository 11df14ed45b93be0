"""Writing files and directories so that one half written is never taken for whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from modmap.errors import ModMapError
from modmap.files.validated_json import read_json


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Gives a path beside `path` to write to; it becomes `path` at the end, or goes where that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_directory(
    path: Path, *, replaces: str | None = None, keys: Collection[str] = ()
) -> Iterator[Path]:
    """Gives a directory beside `path` to fill; it becomes `path` at the end, or goes where that fails.

    Where `path` is a link, what it leads to is written, and the link stays.

    Args:
        path: The directory to be.
        replaces: A directory at `path` that holds a JSON file of this name was written so before, and makes way once
            the new one is whole.
        keys: What that file says, by which it is told from others of the name.

    Raises:
        ModMapError: there is something else at `path` than an empty directory.
    """
    require_free(path, replaces=replaces, keys=keys)
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        if path.exists():
            require_free(path, replaces=replaces, keys=keys)
            shutil.rmtree(path)
        os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def require_free(path: Path, *, replaces: str | None = None, keys: Collection[str] = ()) -> None:
    """Checks that `atomic_directory` may write to a place.

    Raises:
        ModMapError: it may not: what is there is none of its own.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
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
        tempfile.TemporaryDirectory(prefix=".partial-", dir=directory).cleanup()
    except OSError as error:
        raise ModMapError(f"{directory}: cannot be written to: {error.strerror}") from None


def _says(file: Path, keys: Collection[str]) -> bool:
    """Whether a JSON file has some keys."""
    try:
        content = read_json(file)
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and set(keys) <= set(content)
