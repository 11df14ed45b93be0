"""What a page says of what wasn't inspected, by what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from modmap.report.omitted_regions import blind_places, omitted_of
from modmap.scan import Scan

REGION = {"reason": "not measured", "area_mm2": 90.0, "centre_mm": [1.0, 2.0, 3.0], "views": ["09", "01"]}
RECORD = {"not_measured": 0.3, "not_compared": 0.02, "regions": [REGION], "motion": np.eye(4).tolist()}


def said(make_scan: Callable[..., Scan], **summary: Any) -> str:
    found = omitted_of(summary, make_scan())
    assert found is not None
    return " ".join(found.lines)


class TestOmittedOf:
    def test_omitted_of__where_nothing_is_known(self, make_scan: Callable[..., Scan]) -> None:
        assert omitted_of({"inspected": None}, make_scan()) is None

    def test_omitted_of__shares_and_the_views_that_would_have_shown_it(
        self, make_scan: Callable[..., Scan]
    ) -> None:
        summary = {"inspected": 0.7, "least_inspected": 0.95, "not_inspected": RECORD}
        found = omitted_of(summary, make_scan())
        assert found is not None
        assert "shows 70.0% of the nominal part; at least 95% must be shown" in found.lines[0]
        assert "30.0% of the nominal surface was measured by no view" in found.lines[1]
        assert [(one.name, one.share) for one in found.stripes] == [
            ("not measured", 0.3),
            ("not compared", 0.02),
        ]
        assert found.places[0].views == "09 (not in this scan), 01"
        assert found.places[0].camera is None

    @pytest.mark.parametrize(
        ("geometry", "inspected", "why"),
        [
            (False, 0.5, "doesn't lay scans on the nominal one"),
            (True, 0.0, "couldn't be laid on the nominal one"),
            (True, 0.5, "predict the scan again"),
        ],
    )
    def test_omitted_of__why_it_is_not_known_where(
        self, make_scan: Callable[..., Scan], geometry: bool, inspected: float, why: str
    ) -> None:
        settings = {"settings": {"evidence": {"geometry": geometry}}}
        assert why in said(make_scan, inspected=inspected, provenance=settings)

    def test_omitted_of__all_was_inspected(self, make_scan: Callable[..., Scan]) -> None:
        record = RECORD | {"not_measured": 0.0, "not_compared": 0.0, "regions": []}
        assert "All of the nominal surface" in said(make_scan, inspected=1.0, not_inspected=record)


class TestBlindPlaces:
    def test_blind_places__the_view_that_stands_nearest(self) -> None:
        entry = {
            "reason": "glare",
            "area_mm2": 5.0,
            "centre_mm": [0, 0, 0],
            "look_from": [0, 0.6, 0.8],
            "nearest_view": "03",
            "degrees": 12.4,
        }
        (found,) = blind_places({"blind": [entry]})
        assert found.views == "(+0.00, +0.60, +0.80), 12° from view 03"
        assert found.camera is not None
        assert found.camera[2] > found.camera[1] > 0
        assert blind_places({}) == []
