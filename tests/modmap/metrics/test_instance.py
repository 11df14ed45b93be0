"""I-AUROC and average precision against scikit-learn, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score, roc_auc_score

from modmap.errors import ModMapError
from modmap.metrics import average_precision, instance_auroc

Array = npt.NDArray[Any]

NAN = float("nan")


@st.composite
def drawn_instances(draw: st.DrawFn) -> tuple[Array, Array]:
    size = draw(st.integers(2, 40))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    levels = st.sampled_from([-1.0, 0.0, 0.1, 0.2, 0.3]) | st.floats(-10, 10, width=32)
    scores = draw(hnp.arrays(dtype, size, elements=levels.map(lambda x: float(np.float32(x)))))
    labels = draw(hnp.arrays(np.bool_, size))
    assume(labels.any() and not labels.all())
    return scores, labels


def wrong_instances() -> list[tuple[list[Any], list[Any], str]]:
    return [
        ([0.1, 0.2], [True], "one for each score"),
        ([0.1, NAN], [True, False], "finite numbers, found nan at index 1"),
        ([0.1, np.inf], [True, False], "finite numbers, found inf"),
        ([0.1, 0.2], [True, True], "both classes, found 2 anomalous of 2"),
        ([0.1, 0.2], [False, False], "both classes, found 0 anomalous of 2"),
        ([], [], "both classes"),
        ([0.1, 0.2], [0, 1], "labels: expected bool"),
    ]


class TestInstanceAuroc:
    @settings(max_examples=100, deadline=None)
    @given(instances=drawn_instances())
    def test_instance_auroc__equals_sklearn(self, instances: tuple[Array, Array]) -> None:
        scores, labels = instances
        assert instance_auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)

    def test_instance_auroc__tie_counts_half(self) -> None:
        # Pairs (anomalous, nominal): 3 > 1, 3 > 2, 2 > 1, and 2 = 2.
        assert instance_auroc([1.0, 2.0, 2.0, 3.0], [False, False, True, True]) == 3.5 / 4

    @pytest.mark.parametrize(("scores", "labels", "message"), wrong_instances())
    def test_instance_auroc__unusable(self, scores: list[Any], labels: list[Any], message: str) -> None:
        with pytest.raises(ModMapError, match=message):
            instance_auroc(scores, labels)


class TestAveragePrecision:
    @settings(max_examples=100, deadline=None)
    @given(instances=drawn_instances())
    def test_average_precision__equals_sklearn(self, instances: tuple[Array, Array]) -> None:
        scores, labels = instances
        expected = average_precision_score(labels, scores)
        assert average_precision(scores, labels) == pytest.approx(expected, abs=1e-12)

    def test_average_precision__by_hand(self) -> None:
        # 3 found first (P 1, R 1/2); the tie at 2 brings one of each (P 2/3, R 1).
        value = average_precision([1.0, 2.0, 2.0, 3.0], [False, False, True, True])
        assert value == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)

    @pytest.mark.parametrize(("scores", "labels", "message"), wrong_instances())
    def test_average_precision__unusable(self, scores: list[Any], labels: list[Any], message: str) -> None:
        with pytest.raises(ModMapError, match=message):
            average_precision(scores, labels)
