"""Whether a place can be written to, asked before any work is spent on what goes there."""

from __future__ import annotations

from pathlib import Path

from modmap.errors import UsageError


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
