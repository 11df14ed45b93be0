"""Numbers and tables as text."""

from __future__ import annotations

import pytest

from benchmarks.runs.markdown import markdown, number


class TestMarkdown:
    def test_markdown__header_rule_rows(self) -> None:
        text = markdown(["a", "b"], [["1", "2"], ["3", ""]])
        assert text.splitlines() == ["| a | b |", "| --- | --- |", "| 1 | 2 |", "| 3 |  |"]

    @pytest.mark.parametrize(
        ("value", "decimals", "text"),
        [(0.12345, 3, "0.123"), (1234.5, 0, "1,234"), (None, 3, "–"), (1.0, 1, "1.0")],
    )
    def test_number(self, value: float | None, decimals: int, text: str) -> None:
        assert number(value, decimals=decimals) == text
