"""What a user is told: one line, whatever another library says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dino_depth
from dino_depth.errors import ConfigError, DinoDepthError, one_line, refused


class TestOneLine:
    def test_one_line__white_space_is_single_spaces(self) -> None:
        assert one_line(RuntimeError("a\n\n  long\tstory \r\n")) == "a long story"
        assert one_line("a\n\n  long\tstory \r\n") == "a long story"

    @pytest.mark.parametrize("error", [AssertionError(), ValueError(" \n"), KeyboardInterrupt("")])
    def test_one_line__an_error_without_words_is_its_type(self, error: BaseException) -> None:
        assert one_line(error) == type(error).__name__

    def test_one_line__a_text_without_words_stays_empty(self) -> None:
        assert one_line(" \n") == ""

    @given(st.text(), st.integers(1, 30))
    def test_one_line__is_the_beginning_of_the_whole(self, text: str, longest: int) -> None:
        error = ValueError(text)
        assert one_line(error, longest=longest) == one_line(error)[:longest]
        assert len(one_line(error).splitlines()) == 1


class TestRefused:
    def test_refused__one_line_and_exit_status_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert refused("dino_depth.probe", DinoDepthError("--count: expected 2, found 1")) == 2
        captured = capsys.readouterr()
        assert captured.err == "dino_depth.probe: error: --count: expected 2, found 1\n"
        assert captured.out == ""


class TestDinoDepthError:
    def test_class__is_a_value_error(self) -> None:
        assert issubclass(ConfigError, DinoDepthError)
        assert issubclass(DinoDepthError, ValueError)

    def test_package__raises_no_plain_value_error_but_where_another_library_takes_it(self) -> None:
        """pydantic and argparse turn theirs into errors of their own, and so do the readers of files, by name."""
        found = {
            path.name
            for path in Path(dino_depth.__file__).parent.rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Raise)
            and isinstance(node.exc, ast.Call)
            and ast.unparse(node.exc.func) == "ValueError"
        }
        assert found == {"config.py", "prepare.py", "files.py", "corpus_writer.py", "tiff_container.py"}
