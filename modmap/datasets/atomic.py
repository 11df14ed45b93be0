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
def atomic_directory(path: Path) -> Iterator[Path]:
    """Gives a directory beside `path` to fill; it becomes `path` at the end, or goes where that fails.

    Raises:
        ModMapError: `path` exists and is not an empty directory.
    """
    if path.exists():
        if not path.is_dir() or any(path.iterdir()):
            raise ModMapError(f"{path}: expected a new or empty directory to write to, found one in use")
        path.rmdir()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
