"""The metrics of parts with one view, from kept maps: over all parts, and over resamples of them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.stats import t as student

from benchmarks.evaluations.intervals import (
    LEVEL,
    Interval,
    ResampledAUPRO,
    percentile_interval,
    resample_counts,
    resampled_auroc,
)
from modmap.datasets.single_view import SingleViewTest
from modmap.metrics import VolumeAUPRO, instance_auroc

Array = npt.NDArray[Any]

LIMITS = {"aupro_30pct": 0.3, "aupro_1pct": 0.01}
REACH = 0.02  # of the image's longer side
METRICS = {"i_auroc": "I-AUROC", "p_auroc": "P-AUROC", "aupro_30pct": "AUPRO@30%", "aupro_1pct": "AUPRO@1%"}


@dataclass(frozen=True, eq=False)
class LabelledParts:
    """The test parts of a category, their truth read once for all models.

    Attributes:
        category: Its name.
        names: Of the parts.
        anomalous: (N,) bool.
        defects: (H, W) bool of each.
        counts: (R, N) how often each resample draws each part.
    """

    category: str
    names: tuple[str, ...]
    anomalous: Array
    defects: tuple[Array, ...]
    counts: Array

    @classmethod
    def of(cls, category: str, tests: Sequence[SingleViewTest]) -> LabelledParts:
        """Reads the truth; the resamples are the same whenever the category's parts are.

        Raises:
            ModMapError: a mask is damaged, or of another size than its image.
        """
        anomalous = np.array([bool(test.scan.anomalous) for test in tests])
        return cls(
            category,
            tuple(test.scan.name for test in tests),
            anomalous,
            tuple(test.defects() for test in tests),
            resample_counts(anomalous, seed=zlib.crc32(category.encode())),
        )


@dataclass(frozen=True, eq=False)
class DrawMetrics:
    """What one model's maps come to.

    Attributes:
        values: By metric.
        resamples: (R,) by metric, where it is resampled.
    """

    values: dict[str, float]
    resamples: dict[str, Array]


def draw_metrics(parts: LabelledParts, maps: Path) -> DrawMetrics:
    """Image AUROC over the parts, pixel AUROC and AUPRO over all their pixels.

    Args:
        parts: The test parts.
        maps: Where `<part>.npz` holds the scores and the score of each.
    """
    scores, found = [], []
    for name in parts.names:
        with np.load(maps / f"{name}.npz", allow_pickle=False) as file:
            scores.append(float(file["score"]))
            found.append(file["scores"])
    # Some methods score a part below 0, and still no pixel of it is less anomalous than background.
    lowest = min(0.0, *(float(np.nanmin(one)) for one in found))
    metric, resampled = VolumeAUPRO(nominal="all"), ResampledAUPRO()
    pixels = []
    for name, one, defects in zip(parts.names, found, parts.defects, strict=True):
        filled = scored_everywhere(one, background=lowest)
        metric.update(filled, defects, name=name)
        resampled.update(filled, defects)
        pixels.append(filled.ravel())
    aupro = metric.compute_limits(LIMITS.values())
    areas = resampled.compute(parts.counts, list(LIMITS.values()))
    truth = np.concatenate([defects.ravel() for defects in parts.defects])
    return DrawMetrics(
        values={
            "i_auroc": instance_auroc(scores, parts.anomalous),
            "p_auroc": instance_auroc(np.concatenate(pixels), truth),
            **{name: aupro[limit] for name, limit in LIMITS.items()},
        },
        resamples={
            "i_auroc": resampled_auroc(scores, parts.anomalous, parts.counts),
            **{name: areas[limit] for name, limit in LIMITS.items()},
        },
    )


def scored_everywhere(found: Array, *, background: float = 0.0) -> Array:
    """(H, W) a map with a score at every pixel, as published evaluations have it.

    A pixel that isn't the part's own takes the score of the nearest that is, up to a fiftieth of the image's longer
    side away: where a defect leaves no depth, or shows the ground behind a missing piece, the method can say nothing
    but what it says beside it. Farther off is background, and as nominal as can be.

    Args:
        found: (H, W), NaN where the part isn't.
        background: Its score.
    """
    away, nearest = ndimage.distance_transform_edt(np.isnan(found), return_indices=True)
    within = away <= REACH * max(found.shape)
    return np.where(within, found[tuple(nearest)], np.float32(background))


@dataclass(frozen=True, eq=False)
class TrainedOn:
    """What a method comes to when it learns from so many parts.

    Attributes:
        parts: The test parts.
        training_parts: How many it learnt from.
        draws: The metrics of each draw of as many.
    """

    parts: LabelledParts
    training_parts: int
    draws: tuple[DrawMetrics, ...]

    def mean(self, metric: str) -> float:
        """Over the draws."""
        return float(np.mean([draw.values[metric] for draw in self.draws]))

    def resamples(self, metric: str) -> Array | None:
        """(R,) the mean over the draws, of each resample of the test parts; None of what isn't resampled."""
        if metric not in self.draws[0].resamples:
            return None
        found: Array = np.mean([draw.resamples[metric] for draw in self.draws], axis=0)
        return found

    def over_tests(self, metric: str) -> Interval | None:
        """95% of the resamples of the test parts."""
        found = self.resamples(metric)
        return None if found is None else percentile_interval(found)

    def over_draws(self, metric: str) -> float | None:
        """Half of the 95% interval of the mean over draws of training parts, by Student's t; None of one draw."""
        count = len(self.draws)
        if count < 2:
            return None
        spread = np.std([draw.values[metric] for draw in self.draws], ddof=1)
        return float(student.ppf((1 + LEVEL) / 2, count - 1) * spread / np.sqrt(count))

    def row(self) -> dict[str, Any]:
        """All of it, for `results.json`."""
        return {
            "training_parts": self.training_parts,
            "draws": len(self.draws),
            "parts": len(self.parts.names),
            "anomalous": int(self.parts.anomalous.sum()),
            **{metric: self.mean(metric) for metric in METRICS},
            "over_draws": {metric: self.over_draws(metric) for metric in METRICS},
            "over_tests": {
                metric: [interval.low, interval.high]
                for metric in METRICS
                if (interval := self.over_tests(metric)) is not None
            },
            "of_draws": [draw.values for draw in self.draws],
        }
