"""`python -m benchmarks.single_view`: the command of `benchmarks.evaluations.single_view`."""

import sys

from benchmarks.evaluations.single_view import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
