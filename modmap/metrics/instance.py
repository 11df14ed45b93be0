"""I-AUROC and average precision: how well anomalous scans are told from nominal ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.errors import ModMapError

FloatArray = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]


def instance_auroc(scores: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """I-AUROC: the chance that an anomalous scan scores above a nominal one, a tie counting half.

    Args:
        scores: (N,) one finite anomaly score per scan, higher meaning more anomalous.
        labels: (N,) bool, True where the scan is anomalous.

    Returns:
        The area under the ROC curve, in [0, 1].

    Raises:
        ModMapError: lengths differ, a score is NaN or infinite, labels are not bool, or a class is missing.
    """
    values, anomalous = _check_instances(scores, labels)
    from sklearn.metrics import roc_auc_score  # seconds, which who only scores scans need not wait for

    return float(roc_auc_score(anomalous, values))


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
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(anomalous, values))


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
