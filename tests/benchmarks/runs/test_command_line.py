"""Words in, an exit status out; an input that cannot be used is one line."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from benchmarks.runs.command_line import command
from modmap.errors import ModMapError


@dataclass(frozen=True)
class Arguments:
    """Count."""

    number: int = 3
    """How many."""


class TestCommand:
    def test_command__the_status_is_what_the_run_returns(self) -> None:
        assert command(Arguments, lambda arguments: arguments.number, prog="count", words=[]) == 3
        assert (
            command(Arguments, lambda arguments: arguments.number, prog="count", words=["--number", "1"]) == 1
        )

    def test_command__unusable_input_is_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        def run(arguments: Arguments) -> int:
            raise ModMapError(f"number: expected [some] {'more ' * 50}, found {arguments.number}")

        assert command(Arguments, run, prog="count", words=[]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert captured.err.startswith("error: number: expected [some] more more")

    def test_command__other_errors_keep_their_traceback(self) -> None:
        def run(_: Arguments) -> int:
            raise KeyError("a mistake in the program")

        with pytest.raises(KeyError):
            command(Arguments, run, prog="count", words=[])
