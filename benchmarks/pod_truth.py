"""`python -m benchmarks.pod_truth`: the command of `benchmarks.evaluations.pod_truth`."""

import sys

from benchmarks.evaluations.pod_truth import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
