"""`python -m benchmarks.estimated_thresholds`: the command of `benchmarks.evaluations.thresholds`."""

import sys

from benchmarks.evaluations.thresholds import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
