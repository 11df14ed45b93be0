"""The prediction that a figure is drawn of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modmap.errors import UsageError
from modmap.files.renewal import finish
from modmap.runs.stored_results import read_summary
from modmap.runs.summary import SUMMARY


def summary_for(figure: str, place: Path) -> dict[str, Any]:
    """What `summary.json` of a prediction says.

    Args:
        figure: Name of the figure, which opens the error.
        place: What `modmap predict` wrote for a scan.

    Raises:
        UsageError: the place isn't a prediction.
        ModMapError: its summary can't be read.
    """
    finish(place)
    if not (place / SUMMARY).is_file():
        raise UsageError(
            f"{figure}: {place}: expected what modmap predict wrote for a scan, found no summary.json"
        )
    return read_summary(place)
