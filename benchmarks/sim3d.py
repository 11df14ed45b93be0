"""`python -m benchmarks.sim3d`: the command of `benchmarks.evaluations.sim3d`."""

import sys

from benchmarks.evaluations.sim3d import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
