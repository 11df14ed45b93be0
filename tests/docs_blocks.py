"""The fenced blocks of the pages in docs/, so that tests run what the pages say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ASSIGNMENT = re.compile(r"[A-Z_0-9]+=.*")


def blocks(page: str, language: str) -> list[str]:
    """The text of a page's blocks of one language, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [content for kind, content in BLOCK.findall(text) if kind == language]


def commands(page: str) -> list[list[str]]:
    """The words of every command in a page's `sh` blocks, in order; a line that ends with a backslash goes on."""
    lines = [
        line
        for block in blocks(page, "sh")
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip()
    ]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def without_assignments(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The variables that a command line sets before the command, and the command."""
    count = next((index for index, word in enumerate(words) if not ASSIGNMENT.fullmatch(word)), len(words))
    return dict(word.split("=", 1) for word in words[:count]), list(words[count:])


def made(words: Sequence[str]) -> list[list[str]]:
    """The commands `python -m benchmarks...` that a `make` command would run, in order, with their words.

    `make` itself says so: nothing is run, and what its set-up would do is left out.
    """
    assert words[0] == "make"
    # `make test ARGS=...` would hand its own words on.
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MAKEFLAGS", "MAKEOVERRIDES", "ARGS")
    }
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", *words[1:]],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stdout.replace("\\\n", " ").splitlines() if " -m benchmarks." in line]
    return [
        ["python", *command[1:]] for line in lines for _, command in [without_assignments(shlex.split(line))]
    ]
