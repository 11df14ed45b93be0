"""Probability of detection over size: a logistic curve through hits and misses, with intervals.

The model is that of MIL-HDBK-1823A and ASTM E2862 for hit/miss data: the log odds of a hit are linear in the logarithm
of the size. Intervals of the sizes that are found with 50% and 90% probability are those of the likelihood ratio.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.optimize import brentq
from scipy.stats import chi2

from modmap.errors import ModMapError
from modmap.types import Array

FEWEST = 20  # defects that a curve is laid through
LEVEL = 0.95  # of every interval
SLOPE_LEVEL = 0.05  # how probable hits and misses may be where size doesn't matter
STEEPEST = 100.0  # slope: hits and misses that don't overlap have none
FARTHEST = 1e3  # times the median size, up to which a size is looked for
MOST_STEPS, SETTLED = 200, 1e-9  # of a fit, and the deviance below which one more gains nothing
SHOWN = 60  # sizes at which a curve is told

Interval = tuple[float | None, float | None]


class Curve(BaseModel):
    """What was found of one kind of defect, by size.

    Attributes:
        count: How many defects were put in.
        hits: How many of them were found.
        smallest: Size of the smallest, mm.
        largest: Size of the largest, mm.
        intercept: Log odds of a hit at 1 mm; None without a curve.
        slope: Of the log odds over the natural logarithm of the size; None without a curve.
        a50: mm, found with 50% probability; None where no curve holds, or it lies beyond the largest.
        a50_interval: mm, 95%; an end is None where the data set no limit.
        a90: mm, found with 90% probability.
        a90_interval: mm, 95%.
        a90_95: mm, found with 90% probability at 95% confidence.
        refused: Why there is no curve, or why one of its sizes isn't told; None where nothing is wrong.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    count: int
    hits: int
    smallest: float
    largest: float
    intercept: float | None = None
    slope: float | None = None
    a50: float | None = None
    a50_interval: Interval | None = None
    a90: float | None = None
    a90_interval: Interval | None = None
    a90_95: float | None = None
    refused: str | None = None

    def probability(self, sizes: Array) -> Array:
        """(M,) probability of detection of sizes (M,), mm.

        Raises:
            ModMapError: there is no curve.
        """
        if self.intercept is None or self.slope is None:
            raise ModMapError(f"curve: {self.refused}")
        odds = self.intercept + self.slope * np.log(np.maximum(sizes, 1e-12))
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -50, 50))))


def curve_of(sizes: Sequence[float], hits: Sequence[bool]) -> Curve:
    """Lays a curve through hits and misses, or says why none holds.

    Args:
        sizes: mm, positive.
        hits: Whether each was found; at least one.

    Raises:
        ModMapError: there are no defects, or statsmodels isn't installed.
    """
    size, hit = np.asarray(sizes, dtype=np.float64), np.asarray(hits, dtype=bool)
    if not len(size):
        raise ModMapError("curve: expected at least one defect, found none")
    seen = Curve(count=len(size), hits=int(hit.sum()), smallest=float(size.min()), largest=float(size.max()))
    why = _refusal(size, hit)
    if why is not None:
        return seen.model_copy(update={"refused": why})
    logs = np.log(size)
    fit = _fit(logs, hit)
    flat = float(_logistic(hit, np.ones((len(hit), 1)), None).deviance)
    if fit.slope <= 0 or chi2.sf(flat - fit.deviance, 1) > SLOPE_LEVEL:
        why = "larger ones aren't found more often, as far as so many tell: no curve over size holds"
        return seen.model_copy(update={"refused": why})
    found: dict[str, Any] = {"intercept": fit.intercept, "slope": fit.slope}
    for name, probability in (("a50", 0.5), ("a90", 0.9)):
        odds = float(np.log(probability / (1 - probability)))
        found[name] = float(np.exp((odds - fit.intercept) / fit.slope))
        found[f"{name}_interval"] = tuple(
            _limit(logs, hit, fit, odds, side=side, quantile=float(chi2.ppf(LEVEL, 1))) for side in (-1, 1)
        )
        if probability == 0.9:
            one_sided = float(chi2.ppf(2 * LEVEL - 1, 1))
            found["a90_95"] = _limit(logs, hit, fit, odds, side=1, quantile=one_sided)
    if found["a90"] > seen.largest:
        found["refused"] = (
            f"the size found with 90% probability would lie beyond the largest that was tried, {seen.largest:.3g} mm"
        )
        found |= {"a90": None, "a90_interval": None, "a90_95": None}
        if found["a50"] > seen.largest:
            found |= {"a50": None, "a50_interval": None}
    elif found["a90"] < seen.smallest:
        found["refused"] = (
            f"the size found with 90% probability lies below the smallest that was tried, {seen.smallest:.3g} mm: "
            "an extrapolation"
        )
    return seen.model_copy(update=found)


def refitted(sizes: Array, hits: Array, offset: Array) -> tuple[float, float] | None:
    """Intercept and slope of a curve through hits and misses whose log odds are off it by what is known of each.

    Args:
        sizes: (N,) mm.
        hits: (N,) 1 where found, else 0.
        offset: (N,) log odds.

    Returns:
        None where no curve that rises holds.
    """
    causes = np.stack([np.ones(len(sizes)), np.log(sizes)], axis=1)
    intercept, slope = (float(one) for one in _logistic(hits > 0, causes, offset).params)
    return (intercept, slope) if 0 < slope < STEEPEST else None


def _refusal(size: Array, hit: Array) -> str | None:
    """Why no logistic curve can be laid through hits and misses, if so."""
    if hit.all():
        return f"no misses: all {len(hit)} were found, down to {size.min():.3g} mm; try smaller ones"
    if not hit.any():
        return f"no hits: none of {len(hit)} was found, up to {size.max():.3g} mm; try larger ones"
    if len(size) < FEWEST:
        return f"too few: a curve takes {FEWEST} defects, found {len(size)}"
    if size[hit].min() >= size[~hit].max():
        return (
            f"hits and misses don't overlap: all from {size[hit].min():.3g} mm were found, none up to "
            f"{size[~hit].max():.3g} mm; more between the two would tell the curve"
        )
    return None


class _Fit:
    """A logistic regression on the logarithm of size."""

    def __init__(self, intercept: float, slope: float, deviance: float) -> None:
        self.intercept, self.slope, self.deviance = intercept, slope, deviance


def _fit(logs: Array, hit: Array) -> _Fit:
    result = _logistic(hit, np.stack([np.ones(len(logs)), logs], axis=1), None)
    intercept, slope = (float(one) for one in result.params)
    return _Fit(intercept, slope, float(result.deviance))


def _least_deviance(hit: Array, distance: Array, odds: float) -> float:
    """The deviance of the log odds that rise, or fall, from `odds` at a distance (N,) of 0 by the slope that fits best.

    By Newton's steps, halved where they go too far: an interval takes a hundred of these, for which statsmodels' models
    of any number of causes take twenty times as long.
    """
    sign = np.where(hit, -1.0, 1.0)

    def deviance(slope: float) -> float:
        return 2 * float(np.logaddexp(0, sign * (odds + slope * distance)).sum())

    slope, least = 0.0, deviance(0.0)
    for _ in range(MOST_STEPS):
        probable = 1 / (1 + np.exp(-np.clip(odds + slope * distance, -50, 50)))
        curvature = float(distance**2 @ (probable * (1 - probable)))
        step = float(distance @ (hit - probable)) / max(curvature, 1e-12)
        while (found := deviance(slope + step)) > least:
            step /= 2
        slope, gain, least = slope + step, least - found, found
        if gain < SETTLED:
            break
    return least


def _logistic(hit: Array, causes: Array, offset: Array | None) -> Any:
    try:
        import statsmodels.api as sm
    except ImportError:
        raise ModMapError(
            "pod: expected the package statsmodels for the curves, found none: pip install 'modmap[pod]'"
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a search of intervals passes slopes at which all is separated
        return sm.GLM(hit.astype(float), causes, family=sm.families.Binomial(), offset=offset).fit(
            maxiter=MOST_STEPS
        )


def _limit(logs: Array, hit: Array, fit: _Fit, odds: float, *, side: int, quantile: float) -> float | None:
    """The size, mm, at which the likelihood ratio of its having these log odds reaches a quantile; None if nowhere."""
    best = (odds - fit.intercept) / fit.slope

    def excess(place: float) -> float:
        return _least_deviance(hit, logs - place, odds) - fit.deviance - quantile

    return _crossing(excess, best, best + side * float(np.log(FARTHEST)))


def _crossing(excess: Callable[[float], float], inside: float, end: float) -> float | None:
    steps = inside + (end - inside) * np.geomspace(0.01, 1, 8)
    before = inside
    for place in steps:
        if excess(float(place)) > 0:
            return float(np.exp(brentq(excess, before, float(place), xtol=1e-3)))
        before = float(place)
    return None
