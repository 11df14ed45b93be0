"""A file with a line of JSON for every so many steps, which a run that is resumed takes up again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dino_depth.atomic import atomic_file, telling
from dino_depth.files import read_text


class StepLines:
    """A JSONL file whose lines have a `step`.

    What a killed run wrote past the checkpoint that it resumes from, and a half line, are dropped.

    Args:
        path: The file; its folder is made.
        start: Steps done before this run began.
    """

    def __init__(self, path: Path, *, start: int) -> None:
        self._path = path
        self._lines = [line for line in _whole_lines(path) if line["step"] <= start]
        with atomic_file(path) as partial:
            partial.write_text("".join(_text(line) for line in self._lines), encoding="utf-8")

    @property
    def last_step(self) -> int | None:
        """The step of the last line; None where there is none."""
        return int(self._lines[-1]["step"]) if self._lines else None

    def values(self, name: str) -> list[float]:
        """What the lines of steps from 1 on say of a name; lines without it, or without a number, are left out."""
        return [line[name] for line in self._lines if line["step"] > 0 and line.get(name) is not None]

    @property
    def count(self) -> int:
        """Of lines."""
        return len(self._lines)

    def add(self, step: int, values: Mapping[str, Any]) -> None:
        """Writes a line."""
        line = {"step": step, **values}
        self._lines.append(line)
        with telling(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(_text(line))


def _text(line: Mapping[str, Any]) -> str:
    """A line of JSON, which knows no number that isn't finite: null instead."""
    values = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in line.items()
    }
    return json.dumps(values, allow_nan=False) + "\n"


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    found = []
    for text in read_text(path).splitlines():
        try:
            # A run of an earlier version wrote Infinity and NaN, which are written as null again.
            line = json.loads(text)
        except (ValueError, RecursionError):
            break
        if not isinstance(line, dict) or type(line.get("step")) is not int:
            break
        found.append(line)
    return found
