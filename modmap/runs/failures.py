"""What can't be used among many: each is told where it is met, and the others are done."""

from __future__ import annotations

import sys


class Failures:
    """Takes a line on each item that can't be used, and says it on standard error.

    Attributes:
        lines: All so far.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, reason: object) -> None:
        """Says why an item can't be used: a line, or an error of one."""
        self.lines.append(str(reason))
        print(f"modmap: error: {reason}", file=sys.stderr, flush=True)

    def __bool__(self) -> bool:
        return bool(self.lines)
