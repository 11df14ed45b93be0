"""Which views of a scan a figure shows."""

from __future__ import annotations

from collections.abc import Sequence

from modmap.drawing.reduction import evenly_spread
from modmap.scan import Scan

MOST_VIEWS = 6


def chosen_views(scan: Scan, view_ids: Sequence[str]) -> Scan:
    """The scan with the views that were asked for, in that order; with at most six, evenly spread, if none was.

    Raises:
        ModMapError: the scan has no such view, or one is named twice.
    """
    return scan.subset(view_ids or evenly_spread(scan.view_ids, MOST_VIEWS))
