"""`python -m benchmarks.pretraining_speed`: the command of `benchmarks.costs.pretraining`."""

import sys

from benchmarks.costs.pretraining import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
