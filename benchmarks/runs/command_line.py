"""What every command of the benchmarks does with its words, and with an input that it can't use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tyro
from rich.console import Console

from modmap.files.atomic import PlaceError

Arguments = TypeVar("Arguments")


def command(
    arguments: type[Arguments], run: Callable[[Arguments], int], *, prog: str, words: list[str] | None = None
) -> int:
    """Runs a command line; an input that cannot be used is one line on the standard error, and exit status 2.

    Such an input is a `ValueError`, as the errors of both packages are. A full disk is one line too, and exit status 1.

    Args:
        arguments: The class of its arguments.
        run: Takes them and returns the exit status.
        prog: As the command is called.
        words: Of the command line; those of this process by default.
    """
    try:
        return run(tyro.cli(arguments, prog=prog, args=words))
    except (ValueError, PlaceError) as error:
        Console(stderr=True).print(
            f"error: {error}", style="red", highlight=False, soft_wrap=True, markup=False
        )
        return 1 if isinstance(error, PlaceError) else 2
