"""An error as one line."""

from __future__ import annotations

import pytest

from modmap.errors import one_line


class TestOneLine:
    def test_one_line__white_space_is_one_space(self) -> None:
        assert one_line(RuntimeError("  size\n\tmismatch for   weight:\r\n  expected 3 ")) == (
            "size mismatch for weight: expected 3"
        )

    @pytest.mark.parametrize(("longest", "expected"), [(None, "abc def"), (5, "abc d"), (100, "abc def")])
    def test_one_line__cut(self, longest: int | None, expected: str) -> None:
        assert one_line(ValueError("abc\ndef"), longest) == expected

    @pytest.mark.parametrize("text", ["", " \n "])
    def test_one_line__empty_text_gives_the_type(self, text: str) -> None:
        assert one_line(TimeoutError(text)) == "TimeoutError"

    def test_one_line__error_without_arguments(self) -> None:
        assert one_line(StopIteration(), longest=4) == "Stop"
