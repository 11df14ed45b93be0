"""`python -m benchmarks.install_cost`: the command of `benchmarks.costs.install`."""

import sys

from benchmarks.costs.install import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
