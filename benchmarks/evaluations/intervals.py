"""95% intervals by bootstrap over test scans: what a figure would be on other scans of the same kind.

A resample draws as many good and as many defective scans as there are, each kind with replacement. The same seed and
scans give the same resamples whatever the method, so that two methods' figures can be subtracted resample by resample.

AUPRO is not computed anew for each resample. How often each scan was drawn is all that changes: what one scan adds at
every threshold, its nominal pixels that score at least as much and the share of its defects that is found, is counted
once, and a resample is a weighted sum of these counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.errors import ModMapError
from modmap.metrics import label_defects

Array = npt.NDArray[Any]

RESAMPLES = 1000
LEVEL = 0.95
THRESHOLDS_AT_ONCE = 4096


@dataclass(frozen=True)
class Interval:
    """What a figure lies in, in so many of the resamples.

    Attributes:
        low: Lower end.
        high: Upper end.
    """

    low: float
    high: float

    def __str__(self) -> str:
        return f"[{self.low:.3f}, {self.high:.3f}]"

    @property
    def holds_zero(self) -> bool:
        """Whether a difference of this interval may be none."""
        return self.low <= 0 <= self.high


def percentile_interval(values: npt.ArrayLike, *, level: float = LEVEL) -> Interval:
    """The interval between the outer percentiles of a figure's resamples (R,)."""
    outer = (1 - level) / 2
    low, high = np.quantile(np.asarray(values, np.float64), [outer, 1 - outer])
    return Interval(float(low), float(high))


def resample_counts(
    anomalous: npt.ArrayLike, *, seed: int | Sequence[int], resamples: int = RESAMPLES
) -> Array:
    """(R, N) how often each resample draws each scan.

    Args:
        anomalous: (N,) bool labels of the scans.
        seed: Of the drawing.
        resamples: R.
    """
    labels = np.asarray(anomalous, dtype=bool)
    rng = np.random.default_rng(seed)
    counts = np.zeros((resamples, len(labels)), dtype=np.int64)
    for label in (False, True):
        (kind,) = np.nonzero(labels == label)
        if len(kind):
            counts[:, kind] = rng.multinomial(len(kind), np.full(len(kind), 1 / len(kind)), size=resamples)
    return counts


def resampled_auroc(scores: npt.ArrayLike, anomalous: npt.ArrayLike, counts: Array) -> Array:
    """(R,) I-AUROC of each resample.

    Args:
        scores: (N,) of the scans.
        anomalous: (N,) bool labels, of both kinds.
        counts: (R, N) how often each is drawn.
    """
    values, labels = np.asarray(scores, np.float64), np.asarray(anomalous, dtype=bool)
    bad, good = values[labels, None], values[None, ~labels]
    outranks = (bad > good) + 0.5 * (bad == good)
    wins = np.einsum("rb,bg,rg->r", counts[:, labels], outranks, counts[:, ~labels], optimize=True)
    found: Array = wins / (counts[:, labels].sum(axis=1) * counts[:, ~labels].sum(axis=1))
    return found


class ResampledAUPRO:
    """AUPRO of resamples, as `modmap.metrics.VolumeAUPRO` defines it by default, from what each scan adds to it.

    Scans are added one by one, in the order of the counts' columns; of each, the sorted scores of its nominal voxels
    and the scores of its defects are kept.
    """

    def __init__(self) -> None:
        self._nominal: list[Array] = []
        self._components: list[int] = []
        self._found: list[Array] = []
        self._shares: list[Array] = []

    def update(self, scores: Array, ground_truth: Array, *, defects: Array | None = None) -> None:
        """Adds a scan.

        Args:
            scores: (H, W) or (X, Y, Z) floats, NaN where nothing was observed.
            ground_truth: Of the same shape, bool.
            defects: Of the same shape, 0 outside the ground truth and in it 1, 2, ..., which defect a voxel is of, as
                `GroundTruth.pieces` numbers them; what touches is one if left out.
        """
        seen = ~np.isnan(scores)
        self._nominal.append(np.sort(scores[seen & ~ground_truth]))
        labels = label_defects(ground_truth)[0] if defects is None else defects
        component = labels[ground_truth] - 1
        of_defects = seen[ground_truth]
        sizes = np.bincount(component)
        self._components.append(len(sizes))
        self._found.append(scores[ground_truth][of_defects])
        self._shares.append(1 / sizes[component[of_defects]])

    def components(self, counts: Array) -> Array:
        """(R,) defects of each resample."""
        found: Array = counts @ np.array(self._components, dtype=np.int64)
        return found

    def compute(self, counts: Array, limits: Sequence[float]) -> dict[float, Array]:
        """(R,) AUPRO of each resample, by limit of the false positive rate.

        Args:
            counts: (R, N) how often each scan is drawn.
            limits: False positive rates, each in (0, 1].

        Raises:
            ModMapError: a resample has no defect.
        """
        components = self.components(counts)
        if not components.all():
            raise ModMapError("AUPRO: expected a defect in every resample, found one without")
        nominal = counts @ np.array([len(one) for one in self._nominal])
        scores = np.concatenate(self._found)
        shares = np.concatenate(self._shares)
        scan = np.repeat(np.arange(len(self._found)), [len(one) for one in self._found])
        areas = {limit: np.zeros(len(counts)) for limit in limits}
        for start in range(0, len(scores), THRESHOLDS_AT_ONCE):
            some = slice(start, start + THRESHOLDS_AT_ONCE)
            first, last = (
                self._false_positive_rates(counts, scores[some], side) for side in ("right", "left")
            )
            first, last = first / nominal[:, None], last / nominal[:, None]
            weights = shares[some] * counts[:, scan[some]]
            for limit, area in areas.items():
                area += np.einsum("rt,rt->r", weights, _covered(first, last, limit))
        return {limit: area / components / limit for limit, area in areas.items()}

    def _false_positive_rates(self, counts: Array, thresholds: Array, side: Any) -> Array:
        """(R, T) nominal voxels of each resample that score over the thresholds (`right`), or at them too (`left`)."""
        over = [len(one) - np.searchsorted(one, thresholds, side=side) for one in self._nominal]
        found: Array = counts.astype(np.float64) @ np.stack(over).astype(np.float64)
        return found


def _covered(first: Array, last: Array, limit: float) -> Array:
    """How far up to the limit a defect's voxel counts as found: in full from `last` on, rising in a line from `first`.

    The rise is where nominal voxels tie with it, as in `VolumeAUPRO.defect_areas`.
    """
    rising = np.clip(limit - first, 0, last - first)
    slanted = np.divide(rising**2, 2 * (last - first), out=np.zeros_like(first), where=last > first)
    covered: Array = np.clip(limit - last, 0, None) + slanted
    return covered
