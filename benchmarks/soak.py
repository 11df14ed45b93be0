"""`python -m benchmarks.soak`: the command of `benchmarks.costs.soak`."""

import sys

from benchmarks.costs.soak import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
