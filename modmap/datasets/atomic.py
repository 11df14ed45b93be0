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
def atomic_directory(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Gives a directory beside `path` to fill; it becomes `path` at the end, or goes where that fails.

    Args:
        path: The directory to be.
        replace: What is at `path` makes way once the new directory is whole.

    Raises:
        ModMapError: `path` exists, is not an empty directory, and `replace` is not set.
    """
    if path.exists() and not replace:
        if not path.is_dir() or any(path.iterdir()):
            raise ModMapError(f"{path}: expected a new or empty directory to write to, found one in use")
        path.rmdir()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        if path.exists() and replace:
            shutil.rmtree(path)
        os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
