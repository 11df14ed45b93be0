"""What no file may say of itself, and why one can't be used.

This file is in both packages, the same to the last letter, and imports neither.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

MOST_PIXELS = 2**27  # of a file: ten times what SiM3D's cameras have
MOST_NUMBERS = 4 * MOST_PIXELS
ADDRESS = re.compile(r" (object )?at 0x[0-9a-f]+")


class ContainerError(ValueError):
    """Why a file can't be used, in words that follow its name."""


def require_size(*sides: int) -> None:
    """Checks rows and columns, and whatever else an array has, before memory is taken for them.

    Raises:
        ContainerError: there are more than `MOST_PIXELS`, or `MOST_NUMBERS` numbers, or a side is none.
    """
    if min(sides, default=1) < 0:
        raise ContainerError(f"expected sides of 0 and more, found {size_text(sides)}")
    if math.prod(sides[:2]) > MOST_PIXELS or math.prod(sides) > MOST_NUMBERS:
        raise ContainerError(f"expected at most {MOST_PIXELS} pixels, found {size_text(sides)}")


def size_text(shape: Iterable[int]) -> str:
    """Width x height, and the rest."""
    sides = list(shape)
    return " x ".join(str(side) for side in [*reversed(sides[:2]), *sides[2:]])


def cause(error: BaseException) -> str:
    """What another library's error says, in one line, without places in memory."""
    return ADDRESS.sub("", " ".join(str(error).split())) or type(error).__name__
