"""Predictions that lie in a directory: what they say of themselves, and the scans they were made for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from modmap.config_errors import read_json
from modmap.datasets import load_scan
from modmap.errors import ModMapError
from modmap.predictions import SUMMARY, scale_top
from modmap.scan import Scan

VOLUME = "volume.npz"
WANTED = {"scan": str, "score": float, "training_score": float, "seconds": dict, "views": dict}


def read_summary(place: Path) -> dict[str, Any]:
    """What `summary.json` in a directory says.

    Raises:
        ModMapError: it is missing, damaged, or of something else.
    """
    path = place / SUMMARY
    summary = read_json(path)
    for key, kind in WANTED.items():
        if not isinstance(summary, dict) or not isinstance(summary.get(key), kind):
            raise ModMapError(f"{path}: expected the summary of a prediction, found no {key}")
    found: dict[str, Any] = summary
    return found


def source_scan(summary: Mapping[str, Any], known: Mapping[str, Scan], place: Path) -> Scan:
    """The scan that a prediction was made for.

    Args:
        summary: Of the prediction.
        known: Scans by name, where they are no longer where they were predicted from.
        place: Where the prediction lies.

    Raises:
        ModMapError: it is in neither place.
    """
    name, source = summary["scan"], summary.get("source")
    if name in known:
        return known[name]
    if source is None or not Path(source).is_dir():
        raise ModMapError(
            f"{place}: expected the scan where it was predicted from ({source or 'memory'}), found none: name the "
            "directory of the scans with --scans"
        )
    return load_scan(Path(source))


def common_top(summaries: Iterable[Mapping[str, Any]]) -> float:
    """The last score of one colour scale for several predictions, so that they can be held side by side."""
    return max(
        scale_top(
            float(one["score"]),
            float(one["training_score"]),
            (one.get("calibration") or {}).get("scan_threshold"),
        )
        for one in summaries
    )
