"""The order of the scans on the page of many."""

from __future__ import annotations

import re
from typing import get_args

from modmap.calibration import Verdict
from modmap.report.batch_page import ORDER, BatchRow, batch_page


def _row(scan: str, verdict: str | None, score: float) -> BatchRow:
    return BatchRow(scan, verdict, score, None, None, None, None, "00", "data:,")


class TestBatchPage:
    def test_order__has_every_verdict(self) -> None:
        assert set(ORDER) == {*get_args(Verdict), None}

    def test_batch_page__what_must_be_looked_at_comes_first(self) -> None:
        rows = [
            _row("a", "pass", 1.9),
            _row("b", "fail", 3.0),
            _row("c", None, 9.0),
            _row("d", "not inspected", 0.4),
            _row("e", "fail", 7.0),
            _row("f", "pass", 1.2),
        ]
        page = batch_page(rows, top=9.0, report_name="report.html")
        assert re.findall(r'<td><a href="(\w)/report.html">\1</a>', page) == ["e", "b", "d", "c", "a", "f"]
