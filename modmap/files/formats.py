"""Numbered formats of the JSON files that are kept: a file of a newer one is refused, whatever else it says."""

from __future__ import annotations

from typing import Any

from modmap.errors import ModMapError


def require_format(data: Any, newest: int, *, where: str) -> None:
    """Checks that what a JSON file holds isn't of a newer format than is known here.

    Formats are counted from 1, and a file that doesn't say is of that one. To be called before the rest is looked at: a
    newer file may have keys that aren't known here. What is no number is left to the file's model.

    Args:
        data: What the file held.
        newest: The newest format known here.
        where: The file; opens the error.

    Raises:
        ModMapError: it is of a newer one.
    """
    found = data.get("format") if isinstance(data, dict) else None
    if isinstance(found, int) and found > newest:
        raise ModMapError(
            f"{where}: expected format {newest} at most, found {found}: a newer modmap wrote it, which can read it"
        )
