"""`python -m benchmarks.controls`: the command of `benchmarks.evaluations.controls`."""

import sys

from benchmarks.evaluations.controls import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
