"""`python -m benchmarks.defect_metrics`: the command of `benchmarks.evaluations.defects`."""

import sys

from benchmarks.evaluations.command_line import command
from benchmarks.evaluations.defects import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(command(main, prog="python -m benchmarks.defect_metrics"))
