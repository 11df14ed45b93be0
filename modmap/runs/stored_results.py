"""Predictions that lie in a directory: what they say of themselves, and the scans they were made for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from modmap.datasets import load_scan
from modmap.errors import ModMapError
from modmap.files.formats import require_format
from modmap.files.renewal import finish
from modmap.files.validated_json import read_json, validate
from modmap.runs.predict import scale_top
from modmap.runs.scan_state import content_state
from modmap.runs.summary import SUMMARY
from modmap.runs.summary_record import FORMAT, Summary
from modmap.scan import Scan

VOLUME = "volume.npz"


def read_summary(place: Path) -> dict[str, Any]:
    """What `summary.json` in a directory says.

    Raises:
        ModMapError: it is missing, damaged, of a newer format or of something else, or holds what no prediction says.
    """
    finish(place)
    path = place / SUMMARY
    summary = read_json(path)
    require_format(summary, FORMAT, where=str(path))
    for key in ("scan", "score", "training_score", "seconds", "views"):
        if not isinstance(summary, dict) or key not in summary:
            raise ModMapError(f"{path}: expected the summary of a prediction, found no {key}")
    validate(Summary, summary, where=str(path))
    found: dict[str, Any] = summary
    return found


def source_scan(summary: Mapping[str, Any], known: Sequence[Scan], place: Path) -> Scan:
    """The scan that a prediction was made for.

    Args:
        summary: Of the prediction.
        known: Scans, where they are no longer where they were predicted from. One is found by its name, or by the end
            of its path, good/000 by good_000. Those whose files are as they were come first, then the scan that still
            is where it was predicted from, then those with other files; where several are left, it is the one whose
            path ends most like the source's.
        place: Where the prediction lies.

    Raises:
        ModMapError: it is in neither place, or it can't be told from others.
    """
    name, source = summary["scan"], summary.get("source")
    alike = [scan for scan in known if scan.name == name] or [
        scan for scan in known if name in _path_names(scan)
    ]
    same = [scan for scan in alike if content_state(scan) == summary.get("source_content")]
    if same or (alike and not _opens(source)):
        return _most_like(same or alike, name, source, place)
    if source is None or not Path(source).is_dir():
        raise ModMapError(
            f"{place}: expected the scan where it was predicted from ({source or 'memory'}), found none: name the "
            "directory of the scans with --scans"
        )
    return load_scan(Path(source))


def _opens(source: str | None) -> bool:
    """Whether a prediction's source still is the directory of a scan."""
    if source is None:
        return False
    try:
        load_scan(Path(source))
    except ModMapError:
        return False
    return True


def _path_names(scan: Scan) -> list[str]:
    """What a scan is called where others share its name: the last two, three and more parts of its path."""
    parts = () if scan.root is None else scan.root.absolute().parts[1:]
    return ["_".join(parts[first:]) for first in range(len(parts) - 1)]


def _most_like(alike: Sequence[Scan], name: str, source: str | None, place: Path) -> Scan:
    if len(alike) == 1:
        return alike[0]
    ends = [_common_end(scan, source) for scan in alike]
    most = max(ends)
    if ends.count(most) > 1:
        found = " and ".join(str(scan.root) for scan, end in zip(alike, ends, strict=True) if end == most)
        raise ModMapError(
            f"{place}: expected one scan called {name} whose path ends most like where it was predicted from "
            f"({source or 'memory'}), found {found}: name a directory with one of them with --scans"
        )
    return alike[ends.index(most)]


def _common_end(scan: Scan, source: str | None) -> int:
    """How many of the last parts of two paths are the same."""
    if scan.root is None or source is None:
        return 0
    pairs = zip(reversed(scan.root.resolve().parts), reversed(Path(source).parts), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def common_top(summaries: Iterable[Mapping[str, Any]]) -> float:
    """The last score of one colour scale for several predictions, so that their colours can be compared."""
    return max(
        scale_top(
            float(one["score"]),
            float(one["training_score"]),
            (one.get("calibration") or {}).get("scan_threshold"),
        )
        for one in summaries
    )
