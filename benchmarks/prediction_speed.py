"""`python -m benchmarks.prediction_speed`: the command of `benchmarks.costs.prediction`."""

import sys

from benchmarks.costs.prediction import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
