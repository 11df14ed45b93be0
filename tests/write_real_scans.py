"""Writes the real scans that the tests use as directories that `modmap` reads.

    python -m tests.write_real_scans OUT

makes `OUT/bust` (a good part), `OUT/bust_defective` (the same with a dent, a stain and a filled hole painted in),
`OUT/bin_a` and `OUT/bin_b` (two captures of one thing with an RGB-D camera, nothing defective).
"""

import sys
from dataclasses import replace
from pathlib import Path

from modmap.datasets import write_scan
from tests.painted_defects import paint_all
from tests.real_scans import amazonbin_scan, sokrates_scan


def main() -> None:
    """Writes the four scans into the directory that the command line names."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    bust = sokrates_scan()
    scans = {
        "bust": bust,
        "bust_defective": paint_all(bust)[0],
        "bin_a": amazonbin_scan("A"),
        "bin_b": amazonbin_scan("B"),
    }
    for name, scan in scans.items():
        write_scan(replace(scan, name=name), out / name)
        print(out / name)


if __name__ == "__main__":
    main()
