"""Writing files and directories so that one half written is never taken for whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modmap.errors import ModMapError


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
def atomic_directory(path: Path, *, replaces: str | None = None) -> Iterator[Path]:
    """Gives a directory beside `path` to fill; it becomes `path` at the end, or goes where that fails.

    Args:
        path: The directory to be.
        replaces: A directory at `path` that holds a file of this name was written so before, and makes way once the new
            one is whole.

    Raises:
        ModMapError: there is something else at `path` than an empty directory.
    """
    require_free(path, replaces=replaces)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        if path.exists():
            require_free(path, replaces=replaces)
            shutil.rmtree(path)
        os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def require_free(path: Path, *, replaces: str | None = None) -> None:
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
    if not (path / replaces).is_file():
        raise ModMapError(
            f"{path}: expected a new or empty directory, or one with a {replaces} that is written anew, found one with "
            "other files"
        )
