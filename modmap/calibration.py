"""Thresholds with a stated false-alarm rate: split conformal prediction over good scans."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from modmap.errors import ModMapError
from modmap.largest_scores import LargestScores
from modmap.types import Array

Basis = Literal["conformal", "jittered_copies", "leave_one_view_out", "nominal_scan"]
Verdict = Literal["pass", "fail", "not inspected"]

DEFAULT_RATE = 0.05
DEFAULT_SHARE = 0.001
FEWEST_VIEWS = 3
ESTIMATE = "an estimate, not a guarantee: training scan"


@dataclass(frozen=True)
class GoodScores:
    """What one good scan scores; or one view of a copy of the training scan, or of itself, left out.

    Attributes:
        score: The largest score.
        pixel: The score that at most the share of its pixels exceeds.
        voxel: The score that at most the share of its seen voxels exceeds; None without a volume.
    """

    score: float
    pixel: float
    voxel: float | None


def _named_today(basis: Any) -> Any:
    """Files of version 0.1 call jittered copies nudged."""
    return "jittered_copies" if basis == "nudged_copies" else basis


class Calibration(BaseModel):
    """The thresholds of one kind of part, and what they were taken from.

    With `basis="conformal"`, for a new good scan that is like those of the calibration (exchangeable with them): its
    score is over `scan_threshold` with probability `false_alarm_rate` at most; so is, with the same probability at
    most, the score of more than `surface_share` of its pixels over `pixel_threshold`, and of its seen voxels over
    `voxel_threshold`. Nothing is assumed of the scores' distribution, and any number of scans will do.

    Else the rate is an estimate, not a guarantee. With `basis="nominal_scan"` no score is behind it: a model that
    compares scans with the nominal one scores in multiples of what that scan lets a good part show, and the thresholds
    are a constant multiple. Of a score there is then no p-value.

    The others are from views of the training scan alone: a Gumbel distribution is laid through their scores. With
    `basis="jittered_copies"` they are the views of its copies that lie a little differently, each compared with the
    other copies; with `basis="leave_one_view_out"`, where a model keeps no account of such copies, its own views, each
    mapped from the others.

    Attributes:
        basis: What the thresholds rest on.
        false_alarm_rate: In (0, 1), of each of the three thresholds.
        surface_share: In [0, 1), see above.
        scans: The good scans' names.
        views: The views that each of them had.
        scores: The largest score of each good scan, or of each view that an estimate is made from; empty with
            `nominal_scan`.
        scan_threshold: A scan fails whose score is larger.
        pixel_threshold: For the combined maps.
        voxel_threshold: For the volume; None where the good scans had none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    basis: Annotated[Basis, BeforeValidator(_named_today)]
    false_alarm_rate: float = Field(gt=0, lt=1)
    surface_share: float = Field(ge=0, lt=1)
    scans: list[str] = Field(min_length=1)
    views: list[str] = Field(min_length=1)
    scores: list[float]
    scan_threshold: float
    pixel_threshold: float
    voxel_threshold: float | None

    @model_validator(mode="after")
    def _scores_fit(self) -> Calibration:
        if self.basis == "conformal" and len(self.scores) != len(self.scans):
            raise ValueError(f"expected a score of each of {len(self.scans)} scans, found {len(self.scores)}")
        if (self.basis == "nominal_scan") != (not self.scores):
            raise ValueError(f"expected {'no scores' if self.scores else 'scores'} with basis {self.basis}")
        return self

    @property
    def guaranteed(self) -> bool:
        """Whether the rate is a guarantee; else it is an estimate."""
        return self.basis == "conformal"

    def verdict(self, score: float) -> Verdict:
        """`fail` for a score over the scan's threshold: exactly if the p-value, if any, is at most the rate."""
        return "fail" if score > self.scan_threshold else "pass"

    def p_value(self, score: float) -> float | None:
        """How probable so large a score is for a good scan; in (0, 1], 0 also for an estimate.

        None with `nominal_scan`, which knows nothing of how good scans' scores are distributed.
        """
        found = self.p_values(np.array([score]))
        return None if found is None else float(found[0])

    def p_values(self, scores: Array) -> Array | None:
        """How probable it is that a good scan shows so large a score anywhere, for each of some scores.

        So a voxel's is the probability of a false alarm if all voxels that score as much were called defective.

        Args:
            scores: Of any shape; NaN stays.

        Returns:
            Of the same shape, float64; None as `p_value`.
        """
        if self.guaranteed:
            return conformal_p_values(self.scores, scores)
        if self.basis == "nominal_scan":
            return None
        return LargestScores.of(self.scores).of_several(len(self.views)).p_values(scores)

    def margin(self, score: float) -> float:
        """How far a score lies below the scan's threshold; negative where it fails."""
        return self.scan_threshold - score

    def describe(self) -> str:
        """One line for people: the threshold, the rate, and what they rest on."""
        count = len(self.scores)
        source = {
            "conformal": f"from {count} good scan{'s' if count > 1 else ''}",
            "jittered_copies": f"{ESTIMATE}, {count} views of jittered copies, each against the others",
            "leave_one_view_out": f"{ESTIMATE}, leaving one out of {count} views",
            "nominal_scan": f"{ESTIMATE}, a multiple of what it lets a good part show",
        }[self.basis]
        rate = f"at a false-alarm rate of {self.false_alarm_rate:.3g}"
        return f"threshold {self.scan_threshold:.4g} {rate}, {source}"


def scans_needed(false_alarm_rate: float) -> int:
    """How many good scans a false-alarm rate needs: ceil(1 / rate) - 1.

    Raises:
        ModMapError: the rate isn't in (0, 1).
    """
    return math.ceil(1 / _exact(false_alarm_rate)) - 1


def conformal_threshold(scores: Sequence[float], false_alarm_rate: float) -> float:
    """The ceil((n + 1) (1 - rate))-th smallest of n scores: a new one like them is larger with probability <= rate.

    Raises:
        ModMapError: the rate isn't in (0, 1), or needs more scores.
    """
    needed = scans_needed(false_alarm_rate)
    if len(scores) < needed or not scores:
        lowest = f"; they can hold {1 / (len(scores) + 1):.3g} at the lowest" if scores else ""
        raise ModMapError(
            f"calibrate: a false-alarm rate of {false_alarm_rate:g}: expected at least {max(needed, 1)} good scans, "
            f"found {len(scores)}{lowest}"
        )
    rank = math.ceil((len(scores) + 1) * (1 - _exact(false_alarm_rate)))
    return sorted(scores)[rank - 1]


def conformal_p_value(scores: Sequence[float], score: float) -> float:
    """(1 + how many of n scores are at least as large) / (n + 1), in [1 / (n + 1), 1]."""
    return float(conformal_p_values(scores, np.array([score]))[0])


def conformal_p_values(scores: Sequence[float], found: Array) -> Array:
    """`conformal_p_value` of each of some scores found, of any shape; NaN stays."""
    smaller = np.searchsorted(np.sort(np.asarray(scores, dtype=np.float64)), found, side="left")
    return np.where(np.isnan(found), np.nan, (1 + len(scores) - smaller) / (len(scores) + 1))


def conformal_calibration(
    good: Sequence[GoodScores],
    *,
    scans: Sequence[str],
    views: Sequence[str],
    false_alarm_rate: float | None = None,
    surface_share: float = DEFAULT_SHARE,
) -> Calibration:
    """Thresholds from good scans.

    Args:
        good: Each scan's scores.
        scans: Their names.
        views: The views that each of them had.
        false_alarm_rate: In (0, 1); None takes 0.05, or the lowest that so few scans can hold, 1 / (n + 1).
        surface_share: What `good` was made with.

    Raises:
        ModMapError: the rate isn't in (0, 1), or needs more scans.
    """
    rate = max(DEFAULT_RATE, 1 / (len(good) + 1)) if false_alarm_rate is None else false_alarm_rate
    scores = [one.score for one in good]
    voxels = [one.voxel for one in good if one.voxel is not None]
    return Calibration(
        basis="conformal",
        false_alarm_rate=rate,
        surface_share=surface_share,
        scans=list(scans),
        views=list(views),
        scores=scores,
        scan_threshold=conformal_threshold(scores, rate),
        pixel_threshold=conformal_threshold([one.pixel for one in good], rate),
        voxel_threshold=conformal_threshold(voxels, rate) if len(voxels) == len(good) else None,
    )


def estimated_calibration(
    of_views: Sequence[GoodScores],
    *,
    basis: Literal["jittered_copies", "leave_one_view_out"],
    scans: Sequence[str],
    views: Sequence[str],
    false_alarm_rate: float | None = None,
    surface_share: float = DEFAULT_SHARE,
) -> Calibration:
    """Estimated thresholds from views of the training scan.

    Their largest scores are taken for draws from a Gumbel distribution, the limit of maxima, and the score of a scan of
    N views for the largest of N such draws.

    Args:
        of_views: Each view's scores.
        basis: Which views they are.
        scans: Names of the training scans.
        views: The N views of a scan.
        false_alarm_rate: In (0, 1); 0.05 by default.
        surface_share: What `of_views` was made with.

    Raises:
        ModMapError: the rate isn't in (0, 1), or there are fewer than three views.
    """
    rate = DEFAULT_RATE if false_alarm_rate is None else false_alarm_rate
    _exact(rate)
    if len(of_views) < FEWEST_VIEWS:
        raise ModMapError(
            f"calibrate: an estimate from the training scan alone: expected at least {FEWEST_VIEWS} views that see "
            f"the same places, found {len(of_views)}: give good scans instead"
        )
    scores = [one.score for one in of_views]
    voxels = [one.voxel for one in of_views if one.voxel is not None]
    top = LargestScores.of(scores).of_several(len(views)).threshold(rate)
    return Calibration(
        basis=basis,
        false_alarm_rate=rate,
        surface_share=surface_share,
        scans=list(scans),
        views=list(views),
        scores=scores,
        scan_threshold=top,
        pixel_threshold=min(top, LargestScores.of([one.pixel for one in of_views]).threshold(rate)),
        voxel_threshold=min(top, LargestScores.of(voxels).threshold(rate)) if voxels else None,
    )


def assumed_calibration(
    limit: float,
    *,
    scans: Sequence[str],
    views: Sequence[str],
    volume: bool,
    false_alarm_rate: float | None = None,
    surface_share: float = DEFAULT_SHARE,
) -> Calibration:
    """One threshold for scans, pixels and voxels that no score of these scans is behind: an estimate.

    Args:
        limit: The threshold, in multiples of what a good part shows by the nominal scan.
        scans: Names of the training scans.
        views: The views of a scan.
        volume: Whether scans have a volume.
        false_alarm_rate: In (0, 1); 0.05 by default. It is kept as asked and changes no threshold.
        surface_share: Kept as asked, too.

    Raises:
        ModMapError: the rate isn't in (0, 1).
    """
    rate = DEFAULT_RATE if false_alarm_rate is None else false_alarm_rate
    _exact(rate)
    return Calibration(
        basis="nominal_scan",
        false_alarm_rate=rate,
        surface_share=surface_share,
        scans=list(scans),
        views=list(views),
        scores=[],
        scan_threshold=limit,
        pixel_threshold=limit,
        voxel_threshold=limit if volume else None,
    )


def _exact(rate: float) -> Fraction:
    # The number that was meant: in binary, a third or a tenth is a little off and could ask for one scan more.
    if not (isinstance(rate, (int, float)) and 0 < rate < 1):
        raise ModMapError(f"calibrate: false-alarm rate: expected a number between 0 and 1, found {rate!r}")
    return Fraction(rate).limit_denominator(10**9) or Fraction(rate)
