"""How the loops over pixels are compiled.

What is kept on disk of a compilation is renewed by file: a compiled function calls none of another file, or it would
go on with the earlier form of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Compiled = TypeVar("Compiled", bound=Callable[..., Any])


def compiled(function: Compiled) -> Compiled:
    """Compiles a function for the types that it is called with, and keeps the outcome on disk."""
    made: Any = numba.njit(cache=True, error_model="numpy")(function)
    return cast(Compiled, made)
