"""Running a row: the command in this process, or in one of its own, and what it says."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from modmap.errors import ModMapError, UsageError
from tests.bad_inputs.table import ANYTHING, Row
from tests.bad_inputs.workspace import Workspace

BEFORE = re.compile(
    r"^(modmap( \w+)?: error: |unusable +|warning +|found +|guessed +|missed +|dino_depth\.\w+: error: |error: |"
    r"view [^ ]+: (?=(image|depth): )|\S+: not scored: )"
)


@dataclass(frozen=True)
class Outcome:
    """What became of a command.

    Attributes:
        status: Its exit status; of a call that was refused 1, of another 0.
        lines: What it said on both streams.
        errors: What it said on the standard error.
    """

    status: int
    lines: tuple[str, ...]
    errors: str


def run_here(row: Row, workspace: Workspace) -> Outcome:
    """Spoils the input and runs the row in this process."""
    row.make(workspace)
    out, err = io.StringIO(), io.StringIO()
    if not isinstance(row.run, str):
        return _called(row.run, workspace)
    program, *words = row.run.split()
    words = [word.format_map(workspace) for word in words]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = _main(program)(words)
    said = out.getvalue() + err.getvalue()
    return Outcome(status, tuple(said.splitlines()), err.getvalue())


def expected_line(row: Row, workspace: Workspace) -> re.Pattern[str]:
    """What one line of the outcome is to match."""
    text = re.sub(r"\{(\w+)\}", lambda found: str(workspace[found[1]]), row.says)
    return re.compile(".*".join(re.escape(part) for part in text.split(ANYTHING)))


def says(row: Row, outcome: Outcome, workspace: Workspace) -> bool:
    """Whether one of the lines is the one that the row expects."""
    pattern = expected_line(row, workspace)
    return any(pattern.fullmatch(BEFORE.sub("", line, count=1)) for line in outcome.lines)


def _called(call: Callable[[Workspace], object], workspace: Workspace) -> Outcome:
    from dino_depth.errors import DinoDepthError

    try:
        call(workspace)
    except UsageError as error:
        return Outcome(2, (str(error),), str(error))
    except (ModMapError, DinoDepthError) as error:
        return Outcome(1, (str(error),), str(error))
    return Outcome(0, (), "")


def _main(program: str) -> Callable[[list[str]], int]:
    def run(words: list[str]) -> int:
        try:
            return int(_entry(program)(words) or 0)
        except SystemExit as stop:
            return int(stop.code or 0)

    return run


def _entry(program: str) -> Callable[[list[str]], int | None]:
    if program == "modmap":
        from modmap.cli import main

        return main
    if program == "cadscan":
        from benchmarks.cadscan.__main__ import main as cadscan

        return cadscan
    from importlib import import_module

    entry: Callable[[list[str]], int | None] = import_module(f"dino_depth.{program}").main
    return entry


def shortened(text: str, workspace: Workspace) -> str:
    """A line with the workspace's paths as the table writes them."""
    root = str(Path(workspace.root))
    return re.sub(re.escape(root) + r"/(\w+)", r"{\1}", BEFORE.sub("", text, count=1))
