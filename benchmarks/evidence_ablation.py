"""`python -m benchmarks.evidence_ablation`: the command of `benchmarks.evaluations.evidence_ablation`."""

import sys

from benchmarks.evaluations.evidence_ablation import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
