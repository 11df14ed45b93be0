"""`python -m benchmarks.estimated_thresholds`: the command of `benchmarks.evaluations.thresholds`."""

import sys

from benchmarks.evaluations.command_line import command
from benchmarks.evaluations.thresholds import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(command(main, prog="python -m benchmarks.estimated_thresholds"))
