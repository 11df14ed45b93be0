"""`python -m benchmarks.ablations`: the command of `benchmarks.evaluations.ablations`."""

import sys

from benchmarks.evaluations.ablations import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
