"""`modmap check`: what a scan holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


def check(directory: Annotated[Positional[Path], arg(metavar="DIR")], /) -> int:
    """Print what a scan holds, what was guessed and missed, and how well its views agree in 3D.

    Exits with 1 if a scan can't be used.

    Args:
        directory: A scan, or a directory of scans.
    """
    from modmap.check.check import check_directory

    return 0 if check_directory(directory) else 1
