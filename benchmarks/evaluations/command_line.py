"""What every command of the benchmarks does with its words, and with an input that it can't use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tyro
from rich.console import Console

from modmap.errors import ModMapError


def command(
    arguments: Callable[..., Any],
    run_it: Callable[[Any], int] = int,
    *,
    prog: str,
    words: list[str] | None = None,
) -> int:
    """Runs a command line; an input that cannot be used is one line on the standard error, and exit status 2.

    Args:
        arguments: The class of its arguments; or, without `run_it`, a function of them that returns the exit status.
        run_it: Takes them and returns the exit status.
        prog: As the command is called.
        words: Of the command line; those of this process by default.
    """
    try:
        return run_it(tyro.cli(arguments, prog=prog, args=words))
    except (ModMapError, ValueError) as error:
        Console(stderr=True).print(
            f"error: {error}", style="red", highlight=False, soft_wrap=True, markup=False
        )
        return 2
