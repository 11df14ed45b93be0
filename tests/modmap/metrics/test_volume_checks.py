"""What V-AUPRO refuses: volumes, defects, choices and limits that aren't what they should be, and no defect at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modmap.errors import ModMapError
from modmap.metrics import VolumeAUPRO, volume_aupro
from tests.modmap.metrics.slow_volume_aupro import Array
from tests.modmap.metrics.volume_scans import NAN, accumulate, random_scan


class TestChecks:
    @pytest.mark.parametrize(
        ("defects", "message"),
        [
            ([[1.0, 0.0]], r"expected defects as integers and of the scores' shape \(1, 2\), found float64"),
            ([[True, False]], r"expected defects as integers .* found bool"),
            ([[1, 0, 0]], r"expected defects as integers .* found int64 of shape \(1, 3\)"),
            ([[1, 2]], r"over 0 in the ground truth and 0 elsewhere, found 2 at voxel \(0, 1\) and 1 such"),
            ([[0, 0]], r"over 0 in the ground truth and 0 elsewhere, found 0 at voxel \(0, 0\) and 1 such"),
            ([[-1, 0]], r"over 0 in the ground truth and 0 elsewhere, found -1 at voxel \(0, 0\) and 1 such"),
        ],
    )
    def test_update__wrong_defects(self, defects: Any, message: str) -> None:
        metric = VolumeAUPRO()
        with pytest.raises(ModMapError, match=f"scan_07: .*{message}"):
            metric.update(np.zeros((1, 2)), np.array([[True, False]]), defects=defects, name="scan_07")
        assert metric.components == 0

    def test_update__refused_scan_leaves_no_trace(self) -> None:
        metric = accumulate([random_scan(0)])
        before = metric.compute(0.3)
        with pytest.raises(ModMapError):
            metric.update(np.full((2, 2, 2), np.inf), np.ones((2, 2, 2), dtype=bool))
        assert metric.compute(0.3) == before

    def test_compute__empty_ground_truth(self) -> None:
        metric = accumulate([(np.zeros((2, 2, 2)), np.zeros((2, 2, 2), dtype=bool))])
        with pytest.raises(ModMapError, match=r"empty ground truth.* 1 scans"):
            metric.compute()
        metric.update(np.zeros((2, 2, 2)), np.eye(2, dtype=bool)[None].repeat(2, axis=0))
        assert metric.compute(1.0) == pytest.approx(0.5)

    def test_compute__no_scan(self) -> None:
        with pytest.raises(ModMapError, match="empty ground truth"):
            VolumeAUPRO().compute()

    def test_compute__every_component_ignored(self) -> None:
        scores, ground_truth = np.array([[NAN, 0.0]]), np.array([[True, False]])
        with pytest.raises(ModMapError, match=r"empty ground truth.*1 left out as never observed"):
            volume_aupro([scores], [ground_truth], unobserved_ground_truth="ignore")
        assert volume_aupro([scores], [ground_truth]) == 0

    @pytest.mark.parametrize("nominal_score", [[], [NAN]])
    def test_compute__no_observed_nominal_voxel(self, nominal_score: list[float]) -> None:
        scores = np.array([[1.0, *nominal_score]])
        ground_truth = np.array([[True, *[False] * len(nominal_score)]])
        with pytest.raises(ModMapError, match="no nominal voxel"):
            volume_aupro([scores], [ground_truth])

    @pytest.mark.parametrize("limit", [0.0, -0.1, 1.01, NAN])
    def test_compute__limit_out_of_range(self, limit: float) -> None:
        metric = accumulate([(np.zeros((1, 2)), np.array([[True, False]]))])
        for call in (
            metric.compute,
            lambda x: metric.compute_limits([0.1, x]),
            lambda x: metric.curve(limit=x),
        ):
            with pytest.raises(ModMapError, match=r"limit: expected .* in \(0, 1\]"):
                call(limit)

    def test_compute_limits__none(self) -> None:
        with pytest.raises(ModMapError, match="at least one"):
            VolumeAUPRO().compute_limits([])

    @pytest.mark.parametrize("bad", [NAN, np.inf, -np.inf])
    def test_update__not_finite_where_observed(self, bad: float) -> None:
        scores = np.zeros((2, 3, 4), dtype=np.float32)
        scores[1, 2, 3] = bad
        everywhere, ground_truth = np.ones(scores.shape, dtype=bool), np.zeros(scores.shape, dtype=bool)
        with pytest.raises(ModMapError, match=r"scan_07: .*finite.*at voxel \(1, 2, 3\)"):
            VolumeAUPRO().update(scores, ground_truth, observed=everywhere, name="scan_07")

    def test_update__infinite_without_observed(self) -> None:
        with pytest.raises(ModMapError, match=r"scan 0: .*finite"):
            VolumeAUPRO().update(np.array([[np.inf, 0.0]]), np.array([[True, False]]))

    @pytest.mark.parametrize(
        ("scores", "ground_truth", "observed", "message"),
        [
            (np.zeros((2, 2, 2)), np.zeros((2, 2, 3), dtype=bool), None, r"ground_truth.*\(2, 2, 3\)"),
            (np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), None, "ground_truth bool.*float64"),
            (
                np.zeros((2, 2)),
                np.zeros((2, 2), dtype=bool),
                np.ones((2, 1), dtype=bool),
                r"observed.*\(2, 1\)",
            ),
            (np.zeros((2, 2), dtype=int), np.zeros((2, 2), dtype=bool), None, "float scores, found int64"),
            (np.zeros(4), np.zeros(4, dtype=bool), None, r"\(X, Y, Z\) or \(H, W\), found \(4,\)"),
        ],
    )
    def test_update__wrong_shape_or_type(
        self, scores: Array, ground_truth: Array, observed: Array | None, message: str
    ) -> None:
        with pytest.raises(ModMapError, match=f"scan_07: .*{message}"):
            VolumeAUPRO().update(scores, ground_truth, observed=observed, name="scan_07")

    @pytest.mark.parametrize(
        "choice", [{"connectivity": 8}, {"nominal": "seen"}, {"unobserved_ground_truth": "drop"}]
    )
    def test_init__unknown_choice(self, choice: dict[str, Any]) -> None:
        (argument,) = choice
        with pytest.raises(ModMapError, match=f"{argument}: expected one of"):
            VolumeAUPRO(**choice)


class TestArguments:
    def test_volume_aupro__lengths_differ(self) -> None:
        volume, ground_truth = np.zeros((1, 2)), np.array([[True, False]])
        with pytest.raises(ModMapError, match="ground_truths: expected one for each of 2 volumes, found 1"):
            volume_aupro([volume, volume], [ground_truth])
        with pytest.raises(ModMapError, match="defects: expected one for each of 1 volumes, found 0"):
            volume_aupro([volume], [ground_truth], defects=[])
        with pytest.raises(ModMapError, match="names: expected one for each of 1 volumes, found 2"):
            volume_aupro([volume], [ground_truth], names=["a", "b"])

    def test_volume_aupro__names_the_scan(self) -> None:
        volume, ground_truth = np.zeros((1, 2)), np.array([[True, False]])
        with pytest.raises(ModMapError, match="scan_b: "):
            volume_aupro([volume, volume - np.inf], [ground_truth] * 2, names=["scan_a", "scan_b"])
