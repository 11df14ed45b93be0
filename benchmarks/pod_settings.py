"""`python -m benchmarks.pod_settings`: the command of `benchmarks.evaluations.pod_settings`."""

import sys

from benchmarks.evaluations.pod_settings import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
