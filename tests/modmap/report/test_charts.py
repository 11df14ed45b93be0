"""Charts read back from their SVG: the ROC by its definition, and nothing of a histogram outside its frame."""

from __future__ import annotations

import re
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modmap.drawing.lettering import Lettering
from modmap.report.charts import AXES_HEIGHT, HEIGHT, LEFT, RIGHT, TOP, WIDTH, roc_chart, score_histogram

SVG = "{http://www.w3.org/2000/svg}"
# The square of the ROC chart, pixels.
ROC_LEFT, ROC_TOP, ROC_SIDE = 44, 12, 260


def outlines(chart: str) -> list[np.ndarray]:
    """(M, 2) corners of everything drawn, pixels."""
    numbers = r"[ML] ([-\d.]+) ([-\d.]+)"
    drawn = re.sub(r"<defs>.*?</defs>", "", chart, flags=re.DOTALL)
    paths = re.findall(r'<path d="([^"]*)"', drawn, flags=re.DOTALL)
    return [np.array(re.findall(numbers, path), dtype=float).reshape(-1, 2) for path in paths]


def bars(chart: str) -> list[tuple[float, float]]:
    """(left, height) of the histogram's bars, pixels."""
    filled = re.findall(r'<path d="([^"]*)"[^>]*style="fill: #7b8ea3"', chart, flags=re.DOTALL)
    corners = [np.array(re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", path), dtype=float) for path in filled]
    return [(float(one[:, 0].min()), float(np.ptp(one[:, 1]))) for one in corners if np.ptp(one[:, 1]) > 0]


def texts(chart: str) -> dict[str, tuple[float, float]]:
    """What is written, and the columns it begins and ends at in the font that the charts ask for first."""
    found = {}
    for text in ElementTree.fromstring(chart).iter(f"{SVG}text"):
        words, x, width = str(text.text), float(text.get("x", "nan")), Lettering(12).width(str(text.text))
        anchor = re.search(r"text-anchor: (\w+)", text.get("style", ""))
        shift = {"end": 1.0, "middle": 0.5}.get(anchor[1] if anchor else "start", 0.0)
        found[words] = (x - shift * width, x + (1 - shift) * width)
    return found


def slow_roc(scores: list[float], labels: list[bool]) -> np.ndarray:
    """(M, 2) false and true positive rates at every threshold, by counting."""
    corners = [(0.0, 0.0)]
    for threshold in sorted(set(scores), reverse=True):
        over = [label for score, label in zip(scores, labels, strict=True) if score >= threshold]
        corners.append((over.count(False) / labels.count(False), over.count(True) / labels.count(True)))
    return np.array(corners)


class TestRocChart:
    @settings(deadline=None, max_examples=25)
    @given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=20))
    def test_chart__is_the_curve_by_its_definition(self, scans: list[tuple[int, bool]]) -> None:
        scores, labels = [float(score) for score, _ in scans], [label for _, label in scans]
        if len(set(labels)) < 2:
            return
        curve = slow_roc(scores, labels)
        expected = np.column_stack(
            [ROC_LEFT + ROC_SIDE * curve[:, 0], ROC_TOP + ROC_SIDE * (1 - curve[:, 1])]
        )
        chart = roc_chart(scores, labels)
        (drawn,) = outlines(chart[chart.index('<g id="roc">') :].split("</g>")[0])
        np.testing.assert_allclose(drawn, expected, atol=0.01)

    def test_chart__tells_its_area(self) -> None:
        assert "area 0.750" in texts(roc_chart([1.0, 3.0, 2.0, 4.0], [False, False, True, True]))


class TestScoreHistogram:
    @pytest.mark.parametrize("scores", [np.zeros(0), np.array([0.0]), np.linspace(0, 1, 5000) ** 3])
    def test_histogram__all_in_the_frame(self, scores: np.ndarray) -> None:
        chart = score_histogram(
            [scores],
            score=0.9,
            thresholds=[("scan threshold", 0.7), ("voxel threshold", 0.5)],
            good=[0.6, 0.7],
        )
        corners = np.concatenate(outlines(chart))
        assert corners.min() >= 0
        assert (corners.max(axis=0) <= [WIDTH, HEIGHT]).all()
        assert all(0 <= left <= right <= WIDTH for left, right in texts(chart).values())

    def test_histogram__counts_every_score(self) -> None:
        one = score_histogram([np.full(60, 0.5), np.full(40, 0.5)], score=1.0, thresholds=[], good=[])
        assert one == score_histogram([np.full(100, 0.5)], score=1.0, thresholds=[], good=[])
        ((left, height),) = bars(one)
        low = (left - LEFT) / (WIDTH - LEFT - RIGHT) * 1.05
        assert low <= 0.5 <= low + 1.05 / 60
        # The axis runs from half a voxel to 1.3 times the fullest bar.
        assert height == pytest.approx(AXES_HEIGHT * np.log(100 / 0.5) / np.log(130 / 0.5), abs=0.01)
        assert "<title>good" not in one

    def test_histogram__marks(self) -> None:
        thresholds = [("scan threshold", 0.3), ("voxel threshold", 0.31), ("score of old", 0.29)]
        chart = score_histogram([np.array([0.1])], score=0.2, thresholds=thresholds, good=[0.1, 0.25])
        assert {"scan threshold 0.3", "voxel threshold 0.31", "score 0.2", "good"} <= set(texts(chart))
        assert re.findall("<title>(good: [^<]*)</title>", chart) == ["good: 0.1", "good: 0.25"]
        upright = [one for one in outlines(chart) if len(one) == 2 and np.ptp(one[:, 0]) == 0]
        columns = [
            LEFT + (WIDTH - LEFT - RIGHT) * one / (1.05 * 0.31) for one in (0.3, 0.31, 0.29, 0.2, 0.1, 0.25)
        ]
        np.testing.assert_allclose([one[0, 0] for one in upright], columns, atol=0.01)
        # Names lie in rows over the axes, so that neighbours don't cover each other.
        assert len({one[:, 1].min() for one in upright[:3]}) == 3
        assert max(one[:, 1].min() for one in upright[:3]) < TOP


class TestEveryChart:
    def test_svg__is_the_same_in_every_process_and_under_any_settings(self) -> None:
        code = (
            "import sys; from modmap.report.charts import roc_chart; "
            "print(roc_chart([1.0, 2.0], [False, True])); print('matplotlib.pyplot' in sys.modules)"
        )
        other = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout
        changed = {"font.size": 30, "axes.grid": True, "svg.hashsalt": "other", "svg.fonttype": "path"}
        with matplotlib.rc_context(changed):
            before = dict(matplotlib.rcParams)
            chart = roc_chart([1.0, 2.0], [False, True])
            assert dict(matplotlib.rcParams) == before
        assert other == f"{chart}\nFalse\n"

    def test_svg__is_one_labelled_element_without_a_date(self) -> None:
        charts = [
            roc_chart([1.0, 2.0], [False, True]),
            score_histogram([np.array([0.1])], score=0.2, thresholds=[], good=[]),
        ]
        for chart, label in zip(
            charts, ("ROC curve", "Histogram of scores beside the calibration"), strict=True
        ):
            root = ElementTree.fromstring(chart)
            assert root.tag == f"{SVG}svg"
            assert (root.get("role"), root.get("aria-label")) == ("img", label)
            assert "metadata" not in chart
