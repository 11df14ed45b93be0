"""`modmap report`: pages to look at and hand on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


def report(
    output: Annotated[Positional[Path], arg(metavar="OUT")],
    /,
    scans: Annotated[Path | None, arg(metavar="DIR")] = None,
) -> int:
    """Write a page for every scan that was predicted, and one for all of them.

    OUT/SCAN/report.html has the verdict, the part in 3D coloured by score, the defects, and every view with its maps;
    OUT/index.html has a table of the scans. Each is one file that needs a browser and no network. A result that can't
    be shown is named and left out, and the exit status is 1.

    Example: modmap report out/

    Args:
        output: Where `modmap predict` wrote, or one scan's directory in it.
        scans: Where the scans are, if they are no longer where they were predicted from.
    """
    from modmap.report.write import write_reports
    from modmap.runs.failures import Failures

    failures = Failures()
    for page in write_reports(output, scans=scans, failed=failures):
        print(f"{page}: {page.stat().st_size / 1e6:.1f} MB")
    return 1 if failures else 0
