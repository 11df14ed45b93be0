"""Which categories of a data set an evaluation is of."""

from __future__ import annotations

from collections.abc import Sequence

from modmap.errors import ModMapError


def chosen_categories(known: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
    """The categories that were asked for, in the data set's order; all that it has, where none was.

    Raises:
        ModMapError: one that was asked for isn't there.
    """
    for category in asked:
        if category not in known:
            raise ModMapError(f"categories: expected some of {', '.join(known)}, found {category!r}")
    return tuple(category for category in known if category in asked or not asked)
