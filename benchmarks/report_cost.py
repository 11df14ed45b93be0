"""`python -m benchmarks.report_cost`: the command of `benchmarks.costs.report`."""

import sys

from benchmarks.costs.report import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
