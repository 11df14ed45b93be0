"""Scans that V-AUPRO is tested with: drawn ones, with ties, several defects and unobserved voxels, and random ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modmap.metrics import VolumeAUPRO
from tests.modmap.metrics.slow_volume_aupro import Array, Scan

NAN = float("nan")
LIMITS = [0.01, 0.05, 0.3, 0.5, 1.0]

limits = st.sampled_from(LIMITS)
nominal_voxels = st.sampled_from(["observed", "all"])
unobserved_ground_truths = st.sampled_from(["miss", "ignore"])


@st.composite
def drawn_scan(draw: st.DrawFn, dimensions: int = 3) -> Scan:
    shape = draw(st.tuples(*[st.integers(1, 4)] * dimensions))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    levels = st.sampled_from([-2.0, 0.0, 0.1, 0.2, 0.3, 1.0, 1e6])
    scores = draw(hnp.arrays(np.float64, shape, elements=levels)).astype(dtype)
    ground_truth = draw(hnp.arrays(np.bool_, shape))
    observed = draw(hnp.arrays(np.bool_, shape, elements=st.sampled_from([True, True, True, False])))
    scores[~observed] = NAN
    return scores, ground_truth, observed


def drawn_scans(dimensions: int = 3) -> st.SearchStrategy[list[Scan]]:
    """One to three scans with a defect and a nominal voxel that were observed."""
    return st.lists(drawn_scan(dimensions), min_size=1, max_size=3).filter(_usable)


def _usable(scans: list[Scan]) -> bool:
    has_defect = any((truth & seen).any() for _, truth, seen in scans)
    return has_defect and any((seen & ~truth).any() for _, truth, seen in scans)


def random_scan(seed: int, size: int = 12, tied_share: float = 0.0) -> tuple[Array, Array]:
    """Scores and ground truth."""
    rng = np.random.default_rng(seed)
    scores = rng.exponential(size=(size, size, size))
    ground_truth = rng.random(scores.shape) < 0.01
    scores[ground_truth] += 2
    scores[rng.random(scores.shape) < 0.2] = NAN
    scores[rng.random(scores.shape) < tied_share] = 0.0
    return scores, ground_truth


def accumulate(scans: Sequence[tuple[Array, ...]], **choices: Any) -> VolumeAUPRO:
    """The metric of scans, which begin with their scores and ground truth."""
    metric = VolumeAUPRO(**choices)
    for scores, ground_truth, *_ in scans:
        metric.update(scores, ground_truth)
    return metric
