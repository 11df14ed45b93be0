"""`python -m benchmarks.speed`: the command of `benchmarks.costs.speed`."""

import sys

from benchmarks.costs.speed import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
