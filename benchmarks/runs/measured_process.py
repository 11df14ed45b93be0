"""A measurement in a process of its own: its memory is its own, and what it found comes back as one line."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from modmap.errors import ModMapError

MARK = "RESULT "
LONGEST = 500
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


def peak_bytes() -> int:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_BYTES


def tell(figures: Mapping[str, Any]) -> None:
    """Prints the figures, in the process that measured them."""
    print(MARK + json.dumps(figures), flush=True)


def measured(command: Sequence[str], **environment: str) -> dict[str, Any]:
    """Runs a command and returns the figures that it told.

    Args:
        command: Its words.
        environment: Variables that it sees beside this process's own, or in their place.

    Raises:
        ModMapError: it told none; with the end of what it had to say.
    """
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    for line in done.stdout.splitlines():
        if line.startswith(MARK):
            figures: dict[str, Any] = json.loads(line.removeprefix(MARK))
            return figures
    said = " ".join(done.stderr.split())[-LONGEST:] or f"nothing, and exit status {done.returncode}"
    raise ModMapError(f"{' '.join(command)}: expected figures, found {said}")
