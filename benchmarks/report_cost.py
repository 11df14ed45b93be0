"""`python -m benchmarks.report_cost`: the command of `benchmarks.costs.report`."""

import sys

from benchmarks.costs.report import main
from benchmarks.evaluations.command_line import command

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(command(main, prog="python -m benchmarks.report_cost"))
