"""Which predicted scans a figure shows: the clearest successes and failures, by score and label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from modmap.errors import ModMapError, UsageError
from modmap.files.renewal import finish_below
from modmap.runs.stored_results import read_summary
from modmap.runs.summary import SUMMARY

Kind = Literal["found", "missed defect", "false alarm"]
MOST_NAMES = 10


@dataclass(frozen=True, eq=False)
class Predicted:
    """A prediction on disk.

    Attributes:
        place: Its directory.
        run: The directory that it was found in.
        summary: What its summary says.
    """

    place: Path
    run: Path
    summary: dict[str, Any]

    @property
    def scan(self) -> str:
        """The scan's name."""
        return str(self.summary["scan"])

    @property
    def score(self) -> float:
        """The scan's score."""
        return float(self.summary["score"])

    @property
    def anomalous(self) -> bool | None:
        """The scan's label; None where there is none."""
        label = self.summary.get("anomalous")
        return None if label is None else bool(label)


@dataclass(frozen=True, eq=False)
class Shown:
    """A prediction and why it is shown; `kind` is None, and `standing` empty, where labels don't tell."""

    predicted: Predicted
    kind: Kind | None = None
    standing: str = ""


@dataclass(frozen=True, eq=False)
class _Ranked:
    """A labelled scan compared with those of the other label beside it.

    Attributes:
        predicted: The scan.
        order: Larger where its score says its label more clearly: the share of the others on the right side of it, a
            tie counting half, then how far it is from their median, in the range of all scores.
        standing: In words.
    """

    predicted: Predicted
    order: tuple[float, float]
    standing: str


def find_predictions(
    directories: Sequence[Path], *, failed: Callable[[str], None] | None = None
) -> list[Predicted]:
    """Every prediction at or below some directories: what `modmap predict`, `modmap evaluate` or a benchmark wrote.

    Raises:
        UsageError: no directory, one is missing, or there is no prediction in it.
        ModMapError: without `failed`, a summary is damaged; with it, all are.
    """
    if not directories:
        raise UsageError("qualitative: expected a directory of results, found none")
    found: dict[Path, Predicted] = {}
    for directory in directories:
        if not directory.is_dir():
            raise UsageError(f"qualitative: {directory}: expected a directory of results, found none")
        finish_below(directory)
        places = sorted(
            path.parent
            for path in directory.rglob(SUMMARY)
            if not any(part.startswith(".") for part in path.relative_to(directory).parts)
        )
        if not places:
            raise UsageError(
                f"qualitative: {directory}: expected results of modmap predict or modmap evaluate, found none"
            )
        for place in places:
            try:
                found.setdefault(place.resolve(), Predicted(place, directory, read_summary(place)))
            except (ModMapError, OSError) as error:
                if failed is None:
                    raise
                failed(str(error))
    if not found:
        raise ModMapError("qualitative: expected a result that can be read, found none")
    return list(found.values())


def named(predicted: Sequence[Predicted], names: Sequence[str]) -> list[Shown]:
    """The predictions of the scans with some names, in the order of the names.

    Raises:
        ModMapError: there is no prediction of a name.
    """
    known = {one.scan: None for one in predicted}
    for name in names:
        if name not in known:
            some = ", ".join(list(known)[:MOST_NAMES]) + (" ..." if len(known) > MOST_NAMES else "")
            raise ModMapError(f"qualitative: no scan {name!r} was predicted; there are {some}")
    return [Shown(one) for name in names for one in predicted if one.scan == name]


def highest(predicted: Sequence[Predicted], count: int) -> list[Shown]:
    """The predictions with the largest scores."""
    return [Shown(one) for one in sorted(predicted, key=lambda one: -one.score)[:count]]


def successes_and_failures(
    predicted: Sequence[Predicted], count: int
) -> tuple[list[Shown], list[Shown]] | None:
    """The clearest of both.

    A scan is compared with those of the other label in the same directory, as one model's scores are alike. A defective
    scan is found if it scores above most of the good ones there, and missed if one of them scores as high; a good scan
    is a false alarm if a defective one scores as low.

    Args:
        predicted: The predictions.
        count: At most so many scans of each kind.

    Returns:
        Scans that were found, the clearest first; missed defects, then false alarms, the worst first. None where no
        directory has scans of both labels.
    """
    ranked = [one for beside in _beside(predicted) for one in _ranked(beside)]
    if not ranked:
        return None
    defective = sorted(
        (one for one in ranked if one.predicted.anomalous), key=lambda one: one.order, reverse=True
    )
    found = [one for one in defective if one.order[0] > 0.5][:count]
    missed = [one for one in reversed(defective) if one.order[0] < 1 and one not in found][:count]
    good = sorted((one for one in ranked if not one.predicted.anomalous), key=lambda one: one.order)
    alarms = [one for one in good if one.order[0] < 1][:count]
    return _shown(found, "found"), _shown(missed, "missed defect") + _shown(alarms, "false alarm")


def _beside(predicted: Iterable[Predicted]) -> list[list[Predicted]]:
    by_directory: dict[Path, list[Predicted]] = {}
    for one in predicted:
        by_directory.setdefault(one.place.resolve().parent, []).append(one)
    return list(by_directory.values())


def _ranked(beside: Sequence[Predicted]) -> list[_Ranked]:
    scores = np.array([one.score for one in beside])
    span = float(np.ptp(scores)) or 1.0
    ranked = []
    for one in beside:
        others = np.array([other.score for other in beside if other.anomalous is (not one.anomalous)])
        if one.anomalous is None or not len(others):
            continue
        ahead = others < one.score if one.anomalous else others > one.score
        share = float(np.mean(ahead) + np.mean(others == one.score) / 2)
        margin = (one.score - float(np.median(others))) / span
        side, kind = ("above", "good") if one.anomalous else ("below", "defective")
        standing = f"{side} {int(ahead.sum())} of {len(others)} {kind}"
        ranked.append(_Ranked(one, (share, margin if one.anomalous else -margin), standing))
    return ranked


def _shown(ranked: Sequence[_Ranked], kind: Kind) -> list[Shown]:
    return [Shown(one.predicted, kind, one.standing) for one in ranked]
