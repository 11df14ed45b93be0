"""Groups of defects of hand-made scans: what is averaged in each, the ends of the ranges, and older records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.evaluations.ceiling import Ceiling
from benchmarks.evaluations.defect_groups import defect_groups, detectability_name
from benchmarks.evaluations.defect_records import DefectRecord, read_defect_records
from modmap.datasets import GroundTruth, write_ground_truth
from modmap.errors import ModMapError
from modmap.metrics import DefectArea
from modmap.runs.evaluation_metrics import EvaluationMetrics, ScanMetrics
from modmap.scan import Scan, View


def record(x: float, d: float | None, **changes: Any) -> dict[str, Any]:
    """A defect around a voxel at x mm, as `defects.json` has it."""
    known = (
        {} if d is None else {"detectability": {"best_view": d, "depth": 2 * d, "image": d, "both": 3 * d}}
    )
    return {
        "kind": "dent",
        "size_mm": 2.0,
        "modality": "both",
        "centre_mm": [x, 0.5, 0.5],
        **known,
        **changes,
    }


def scan_with(root: Path, name: str, records: list[dict[str, Any]]) -> Scan:
    """A scan whose ground truth is a voxel at each record's centre."""
    mask = np.zeros((20, 1, 1), dtype=bool)
    for one in records:
        mask[int(one["centre_mm"][0])] = True
    (root / name).mkdir()
    write_ground_truth(root / name / "gt.npz", GroundTruth(mask, np.zeros(3), 1.0))
    (root / name / "defects.json").write_text(json.dumps(records))
    flat = np.ones((2, 2), dtype=np.float32)
    views = (View("00", flat.astype(np.uint8), flat),)
    truth = root / name / "gt.npz"
    return Scan(name, views, anomalous=bool(records), ground_truth=truth, root=root / name)


def metrics(areas: dict[str, list[float]], outranks: dict[str, float | None]) -> EvaluationMetrics:
    """What a category came to, as far as groups ask."""
    return EvaluationMetrics(
        scans=tuple(ScanMetrics(name, rank is not None, 0.0, rank, {}) for name, rank in outranks.items()),
        i_auroc=None,
        average_precision=None,
        v_aupro={},
        defects=tuple(
            DefectArea(name, index, 1, area)
            for name, values in areas.items()
            for index, area in enumerate(values)
        ),
        notes=(),
    )


def by_detectability(root: Path, records: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The groups of a category whose defects are all found by half, in scans that outrank three quarters."""
    areas = {name: [0.5] * len(found) for name, found in records.items()}
    ranks = {name: 0.75 if found else None for name, found in records.items()}
    scans = [scan_with(root, name, found) for name, found in records.items()]
    return defect_groups({"part": metrics(areas, ranks)}, {"part": scans}, {})["detectability"]


class TestDefectGroups:
    def test_defect_groups__over_two_categories(self, tmp_path: Path) -> None:
        """Four defects in three scans: a component's area goes to its defect's group, a scan's rank to all of its."""
        first = [scan_with(tmp_path, "a", [record(2.5, 3.0), record(15.5, 40.0)])]
        first.append(scan_with(tmp_path, "b", [record(4.5, 30.0, kind="scratch")]))
        first.append(scan_with(tmp_path, "good", []))
        second = [scan_with(tmp_path, "c", [record(6.5, 4.9, size_mm=7.0, modality="image")])]
        found = defect_groups(
            {
                "cup": metrics({"a": [0.1, 0.4], "b": [0.8]}, {"a": 0.5, "b": 1.0, "good": None}),
                "pot": metrics({"c": [0.3]}, {"c": 0.0}),
            },
            {"cup": first, "pot": second},
            {},
        )
        assert list(found) == ["kind", "size", "modality", "detectability"]
        expected = {"under 5": (2, 0.25, 2, 0.2), "over 30": (2, 0.75, 2, 0.6)}
        assert list(found["detectability"]) == list(expected)
        for name, (scans, auroc, components, area) in expected.items():
            row = found["detectability"][name]
            assert (row["scans"], row["components"]) == (scans, components)
            assert row["i_auroc"] == pytest.approx(auroc)
            assert row["v_aupro_1pct"] == pytest.approx(area)
        assert found["kind"]["scratch"]["v_aupro_1pct"] == 0.8
        assert list(found["size"]) == ["2 to 5 mm", "5 to 10 mm"]
        assert found["modality"]["image"]["i_auroc"] == 0.0

    def test_defect_groups__ceilings(self, tmp_path: Path) -> None:
        """The mean ceiling of a group's own components, and none where a category has none."""
        scans = [scan_with(tmp_path, "a", [record(2.5, 3.0), record(15.5, 40.0)])]
        scans.append(scan_with(tmp_path, "b", [record(4.5, 31.0)]))
        found = metrics({"a": [0.1, 0.4], "b": [0.8]}, {"a": 0.5, "b": 1.0})
        most = Ceiling(0.7, {("a", 0): 0.5, ("a", 1): 1.0, ("b", 0): 0.6})
        groups = defect_groups({"cup": found}, {"cup": scans}, {"cup": most})["detectability"]
        assert groups["under 5"]["v_aupro_ceiling"] == 0.5
        assert groups["over 30"]["v_aupro_ceiling"] == pytest.approx(0.8)
        both = {"cup": found, "pot": found}
        for heading in defect_groups(both, {"cup": scans, "pot": scans}, {"cup": most}).values():
            assert not any("v_aupro_ceiling" in row for row in heading.values())

    def test_defect_groups__ranges_come_in_their_order(self, tmp_path: Path) -> None:
        places = {"a": 31.0, "b": 12.0, "c": 6.0, "d": 1.0}
        found = by_detectability(tmp_path, {name: [record(3.5, d)] for name, d in places.items()})
        assert list(found) == ["under 5", "5 to 10", "10 to 30", "over 30"]

    def test_defect_groups__older_records_are_in_no_range(self, tmp_path: Path) -> None:
        assert by_detectability(tmp_path, {"a": [record(3.5, None)], "good": []}) == {}

    def test_defect_groups__a_set_of_older_and_newer_scans(self, tmp_path: Path) -> None:
        found = by_detectability(tmp_path, {"a": [record(3.5, None)], "b": [record(3.5, 7.0)]})
        assert {name: row["components"] for name, row in found.items()} == {"5 to 10": 1}


class TestDetectabilityName:
    @pytest.mark.parametrize(
        ("d", "name"),
        [
            (0.0, "under 5"),
            (4.999, "under 5"),
            (5.0, "5 to 10"),
            (9.999, "5 to 10"),
            (10.0, "10 to 30"),
            (29.999, "10 to 30"),
            (30.0, "over 30"),
            (1e6, "over 30"),
            (None, None),
        ],
    )
    def test_detectability_name__ends(self, d: float | None, name: str | None) -> None:
        assert detectability_name(DefectRecord("dent", 2.0, "both", (0, 0, 0), d)) == name

    @given(st.floats(0, 1e9))
    def test_detectability_name__as_a_chain_of_comparisons(self, d: float) -> None:
        name = "under 5" if d < 5 else "5 to 10" if d < 10 else "10 to 30" if d < 30 else "over 30"
        assert detectability_name(DefectRecord("dent", 2.0, "both", (0, 0, 0), d)) == name


class TestReadDefectRecords:
    def test_read_defect_records__the_best_view_s_of_both(self, tmp_path: Path) -> None:
        scan = scan_with(tmp_path, "a", [record(2.5, 12.5), record(9.5, None)])
        assert [one.detectability for one in read_defect_records(scan)] == [12.5, None]

    def test_read_defect_records__detectability_without_a_best_view(self, tmp_path: Path) -> None:
        scan = scan_with(tmp_path, "a", [record(2.5, None, detectability={"both": 3.0})])
        with pytest.raises(ModMapError, match=r"defects\.json: expected .* with best_view, found KeyError"):
            read_defect_records(scan)
