"""The trials of a study of the probability of detection on disk: line by line as they are done, and as a table."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from modmap.files.atomic import atomic_file
from modmap.files.validated_json import validate
from modmap.pod.record import Outcome

TRIALS, TABLE = "trials.jsonl", "trials.csv"


class _Line(BaseModel):
    """A line of the file: what is reported on a good scan as it is, or what was found of the defects of a copy."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    scan: str
    false_calls: int | None = Field(None, ge=0)
    number: int = Field(0, ge=0, alias="copy")
    outcomes: list[Outcome] = []


class Done:
    """What was tried so far, line by line in a file.

    Attributes:
        outcomes: The defects that were put in.
        false_calls: By good scan, how many defects are reported on it as it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.outcomes: list[Outcome] = []
        self.false_calls: dict[str, int] = {}
        self._copies: set[tuple[str, int]] = set()

    @classmethod
    def read(cls, output: Path) -> Done:
        """What a directory's file holds; a line half written when a run was killed doesn't count.

        Raises:
            ModMapError: a line is of something else.
        """
        done = cls(output / TRIALS)
        if done._path.is_file():
            for line in done._path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                done._take(entry)
            with atomic_file(done._path) as partial:
                partial.write_text(
                    "".join(f"{json.dumps(one)}\n" for one in done._entries()), encoding="utf-8"
                )
        return done

    def has(self, scan: str, copy: int) -> bool:
        """Whether a copy of a scan was predicted."""
        return (scan, copy) in self._copies

    def add(self, entry: dict[str, Any]) -> None:
        """Keeps one more line."""
        self._take(entry)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def _take(self, entry: dict[str, Any]) -> None:
        line = validate(_Line, entry, where=str(self._path))
        if line.false_calls is not None:
            self.false_calls[line.scan] = line.false_calls
            return
        self.outcomes += line.outcomes
        self._copies.add((line.scan, line.number))

    def _entries(self) -> Iterator[dict[str, Any]]:
        for scan, calls in self.false_calls.items():
            yield {"scan": scan, "false_calls": calls}
        for scan, copy in sorted(self._copies):
            of = [one for one in self.outcomes if (one.scan, one.copy_of_scan) == (scan, copy)]
            yield {"scan": scan, "copy": copy, "outcomes": [one.model_dump(mode="json") for one in of]}


def write_table(outcomes: Sequence[Outcome], output: Path) -> None:
    with atomic_file(output / TABLE) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["index", "kind", "size_mm", "depth_mm", "hit", "peak", "scan", "x_mm", "y_mm", "z_mm"]
        )
        for one in outcomes:
            row = [
                one.index,
                one.kind,
                one.size_mm,
                one.depth_mm,
                int(one.hit),
                one.peak,
                one.scan,
                *one.place_mm,
            ]
            writer.writerow(row)
