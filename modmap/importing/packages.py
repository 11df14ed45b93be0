"""The packages that read single formats, which extras add."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from modmap.errors import ModMapError, one_line


def reader_package(name: str, *, extra: str, path: Path) -> Any:
    """The module of a package that reads a format.

    Args:
        name: Of the package, and of its module.
        extra: That adds it.
        path: The file that is to be read; opens the error.

    Raises:
        ModMapError: it isn't installed, or lacks a library of the system's.
    """
    try:
        return import_module(name)
    except ImportError as error:
        found = "none" if isinstance(error, ModuleNotFoundError) else one_line(error)
        raise ModMapError(
            f"{path}: expected the package {name}, which reads {path.suffix.lower()}, found {found}: "
            f"pip install 'modmap[{extra}]'"
        ) from None
