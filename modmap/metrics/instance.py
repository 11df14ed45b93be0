"""I-AUROC and average precision: how well anomalous scans are told from nominal ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from modmap.errors import ModMapError

FloatArray = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]


def instance_auroc(scores: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """I-AUROC: the chance that an anomalous scan scores above a nominal one, a tie counting half.

    Args:
        scores: (N,) one finite anomaly score a scan, higher meaning more anomalous.
        labels: (N,) bool, True where the scan is anomalous.

    Returns:
        The area under the ROC curve, in [0, 1].

    Raises:
        ModMapError: lengths differ, a score is NaN or infinite, labels are not bool, or a class is missing.
    """
    values, anomalous = _check_instances(scores, labels)
    positives = int(np.count_nonzero(anomalous))
    negatives = len(values) - positives
    rank_sum = float(rankdata(values)[anomalous].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def average_precision(scores: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Average precision: the sum over thresholds of (R_n - R_{n-1}) P_n, as scikit-learn defines it.

    Args:
        scores: (N,) finite anomaly scores, higher meaning more anomalous.
        labels: (N,) bool, True where anomalous.

    Returns:
        The step-wise area under the precision-recall curve, in (0, 1].

    Raises:
        ModMapError: lengths differ, a score is NaN or infinite, labels are not bool, or a class is missing.
    """
    values, anomalous = _check_instances(scores, labels)
    descending = np.argsort(values)[::-1]
    values, anomalous = values[descending], anomalous[descending]
    last_of_tie = np.append(np.flatnonzero(values[1:] != values[:-1]), len(values) - 1)
    true_positives = np.cumsum(anomalous)[last_of_tie]
    precision = true_positives / (last_of_tie + 1)
    recall_gain = np.diff(true_positives, prepend=0) / true_positives[-1]
    return float(np.sum(recall_gain * precision))


def _check_instances(scores: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[FloatArray, BoolArray]:
    values, anomalous = np.asarray(scores), np.asarray(labels)
    if values.ndim != 1 or values.shape != anomalous.shape:
        raise ModMapError(
            f"labels: expected one for each score, found {anomalous.shape} labels, {values.shape} scores"
        )
    if anomalous.size and anomalous.dtype != np.bool_:
        raise ModMapError(f"labels: expected bool (True = anomalous), found {anomalous.dtype}")
    if not np.isfinite(values).all():
        index = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ModMapError(f"scores: expected finite numbers, found {values[index]} at index {index}")
    positives = int(np.count_nonzero(anomalous))
    if positives in (0, len(values)):
        raise ModMapError(f"labels: expected both classes, found {positives} anomalous of {len(values)}")
    return values, anomalous
