"""`python -m benchmarks.alignment_error`: the command of `benchmarks.evaluations.alignment_error`."""

import sys

from benchmarks.evaluations.alignment_error import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
