"""`python -m benchmarks.defect_metrics`: the command of `benchmarks.evaluations.defects`."""

import sys

from benchmarks.evaluations.defects import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
