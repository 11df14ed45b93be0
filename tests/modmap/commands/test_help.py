"""The help of every command: it has one example, which the parser that runs commands takes."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest

from modmap.commands.every import every_command

Run = Callable[..., int]

COMMANDS, GROUPS = every_command()
HELPS = [
    (),
    *((name,) for name in COMMANDS),
    *((group, name) for group, commands in GROUPS.items() for name in commands),
]


def _example(text: str) -> list[str]:
    """The words of a help's own example, those of its commands being set in, and without where its output goes."""
    (line,) = re.findall(r"^Example: (modmap .*)$", text, re.MULTILINE)
    words = shlex.split(line)
    return words[1 : words.index(">")] if ">" in words else words[1:]


@pytest.mark.parametrize("words", HELPS, ids=lambda words: " ".join(words) or "modmap")
class TestHelp:
    def test_help__has_an_example_that_is_parsed(
        self,
        words: tuple[str, ...],
        run: Run,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("COLUMNS", "200")
        assert run(*words, "--help") == 0
        example = _example(capsys.readouterr().out)
        called: list[str] = []

        def stub(name: str, command: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(command)
            def instead(*_: Any, **__: Any) -> int:
                called.append(name)
                return 0

            return instead

        stubs = {name: stub(name, command) for name, command in COMMANDS.items()}
        nested = {
            group: {name: stub(f"{group} {name}", command) for name, command in commands.items()}
            for group, commands in GROUPS.items()
        }
        monkeypatch.setattr("modmap.cli.every_command", lambda: (stubs, nested))
        assert run(*example) == 0
        (command,) = called
        assert command.startswith(" ".join(words))
