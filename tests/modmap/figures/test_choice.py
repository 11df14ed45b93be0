"""Successes and failures by score and label."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from modmap.errors import ModMapError, UsageError
from modmap.figures.choice import find_predictions, highest, named, successes_and_failures


def written(root: Path, scores: Mapping[str, tuple[float, bool | None]]) -> Path:
    """Summaries of predictions: score and label by scan."""
    for scan, (score, anomalous) in scores.items():
        (root / scan).mkdir(parents=True)
        summary = {
            "scan": scan.rpartition("/")[2],
            "score": score,
            "training_score": 0.1,
            "seconds": {},
            "views": {},
            "anomalous": anomalous,
        }
        (root / scan / "summary.json").write_text(json.dumps(summary))
    return root


MIXED = {
    "good_0": (0.10, False),
    "good_1": (0.20, False),
    "good_2": (0.30, False),
    "good_3": (0.90, False),
    "bad_0": (0.95, True),
    "bad_1": (0.50, True),
    "bad_2": (0.25, True),
    "bad_3": (0.05, True),
}


class TestFindPredictions:
    def test_find__any_depth_but_hidden_each_once(self, tmp_path: Path) -> None:
        written(tmp_path / "run" / "gear" / "scans", {"a": (0.1, None), ".partial-7-b": (0.2, None)})
        written(tmp_path / "run" / "vase" / "scans", {"c": (0.3, None)})
        found = find_predictions([tmp_path / "run", tmp_path / "run" / "vase"])
        assert [one.scan for one in found] == ["a", "c"]
        assert found[0].run == tmp_path / "run"

    def test_find__errors(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="expected a directory of results, found none"):
            find_predictions([])
        with pytest.raises(UsageError, match=r"none: expected a directory of results, found none"):
            find_predictions([tmp_path / "none"])
        with pytest.raises(
            UsageError, match="expected results of modmap predict or modmap evaluate, found none"
        ):
            find_predictions([tmp_path])
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "summary.json").write_text('{"scan": "a"}')
        with pytest.raises(
            ModMapError, match=r"summary\.json: expected the summary of a prediction, found no score"
        ):
            find_predictions([tmp_path])


class TestSuccessesAndFailures:
    def test_clearest__first(self, tmp_path: Path) -> None:
        both = successes_and_failures(find_predictions([written(tmp_path, MIXED)]), 2)
        assert both is not None
        found, failed = both
        assert [(one.predicted.scan, one.kind, one.standing) for one in found] == [
            ("bad_0", "found", "above 4 of 4 good"),
            ("bad_1", "found", "above 3 of 4 good"),
        ]
        assert [(one.predicted.scan, one.kind, one.standing) for one in failed] == [
            ("bad_3", "missed defect", "above 0 of 4 good"),
            ("bad_2", "missed defect", "above 2 of 4 good"),
            ("good_3", "false alarm", "below 1 of 4 defective"),
            ("good_2", "false alarm", "below 2 of 4 defective"),
        ]

    @pytest.mark.parametrize("count", [1, 2, 3, 10])
    def test_no_scan__is_both(self, tmp_path: Path, count: int) -> None:
        both = successes_and_failures(find_predictions([written(tmp_path, MIXED)]), count)
        assert both is not None
        names = [one.predicted.scan for rows in both for one in rows]
        assert len(set(names)) == len(names)

    def test_none_failed__where_labels_are_told_apart(self, tmp_path: Path) -> None:
        scores: dict[str, tuple[float, bool | None]] = {
            "a": (0.1, False),
            "b": (0.2, False),
            "c": (0.3, True),
        }
        both = successes_and_failures(find_predictions([written(tmp_path, scores)]), 3)
        assert both is not None
        assert ([one.predicted.scan for one in both[0]], both[1]) == (["c"], [])

    def test_ties__are_failures(self, tmp_path: Path) -> None:
        scores: dict[str, tuple[float, bool | None]] = {"a": (0.3, False), "c": (0.3, True)}
        both = successes_and_failures(find_predictions([written(tmp_path, scores)]), 3)
        assert both is not None
        assert both[0] == []
        assert [one.kind for one in both[1]] == ["missed defect", "false alarm"]

    def test_categories__are_compared_within_themselves(self, tmp_path: Path) -> None:
        low = {"good": (0.1, False), "bad": (0.2, True)}
        high = {"fine": (0.8, False), "worse": (0.9, True)}
        written(tmp_path / "one" / "scans", low)
        written(tmp_path / "two" / "scans", high)
        both = successes_and_failures(find_predictions([tmp_path]), 3)
        assert both is not None
        assert sorted(one.predicted.scan for one in both[0]) == ["bad", "worse"]
        assert both[1] == []

    def test_scale_and_shift__of_a_models_scores_change_nothing(self, tmp_path: Path) -> None:
        scaled = {name: (7 * score + 3, label) for name, (score, label) in MIXED.items()}
        names = []
        for place, scores in (("plain", MIXED), ("scaled", scaled)):
            both = successes_and_failures(find_predictions([written(tmp_path / place, scores)]), 3)
            assert both is not None
            names.append([(one.predicted.scan, one.standing) for rows in both for one in rows])
        assert names[0] == names[1]

    def test_unlabelled__tell_nothing(self, tmp_path: Path) -> None:
        scores: dict[str, tuple[float, bool | None]] = {"a": (0.1, None), "b": (0.2, True)}
        assert successes_and_failures(find_predictions([written(tmp_path, scores)]), 3) is None


class TestNamed:
    def test_named__in_the_order_of_the_names(self, tmp_path: Path) -> None:
        predicted = find_predictions([written(tmp_path, MIXED)])
        assert [one.predicted.scan for one in named(predicted, ["good_1", "bad_0"])] == ["good_1", "bad_0"]
        with pytest.raises(ModMapError, match="no scan 'x' was predicted; there are bad_0, bad_1"):
            named(predicted, ["x"])

    def test_highest(self, tmp_path: Path) -> None:
        predicted = find_predictions([written(tmp_path, MIXED)])
        assert [one.predicted.scan for one in highest(predicted, 2)] == ["bad_0", "good_3"]
