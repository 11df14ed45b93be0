"""`python -m benchmarks.evidence_levels`: the command of `benchmarks.evaluations.evidence_levels`."""

import sys

from benchmarks.evaluations.evidence_levels import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
