"""What a run reports: a line of JSON every few steps, and a line to read."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

METRICS = "metrics.jsonl"


class MetricsLog:
    """`metrics.jsonl`: a line of every logged step; a run that goes on drops the lines past its checkpoint.

    Args:
        out: The run's directory.
        start: Steps done before this run began.
        steps: Steps of the whole run.
        every: Steps between lines.
    """

    def __init__(self, out: Path, *, start: int, steps: int, every: int) -> None:
        self._path = out / METRICS
        self._steps = steps
        self._every = every
        self._begun, self._start = time.perf_counter(), start
        self._sums: dict[str, float] = {}
        self._count = 0
        out.mkdir(parents=True, exist_ok=True)
        lines = [line for line in self._lines() if line["step"] <= start]
        self._path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def add(self, step: int, losses: Mapping[str, float], values: Mapping[str, Any], *, maps: int) -> bool:
        """Takes in a step; writes and prints a line when it is time.

        Args:
            step: Steps done, this one included.
            losses: Of this step; a line has their means since the last one.
            values: Of the schedules, at this step.
            maps: Depth maps that a step takes in.

        Returns:
            Whether a line was written.
        """
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if step % self._every and step != self._steps:
            return False
        means = {name: value / self._count for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **means, **values}) + "\n")
        took = (time.perf_counter() - self._begun) / (step - self._start)
        left = timedelta(seconds=round(took * (self._steps - step)))
        text = "  ".join(f"{name} {value:.4f}" for name, value in means.items())
        print(f"step {step}/{self._steps}  {text}  {maps / took:.1f} maps/s  {left} left", flush=True)
        return True

    def _lines(self) -> list[dict[str, Any]]:
        """The whole lines that are there; a killed run may have left half a line."""
        if not self._path.is_file():
            return []
        found = []
        for text in self._path.read_text(encoding="utf-8").splitlines():
            try:
                found.append(json.loads(text))
            except json.JSONDecodeError:
                break
        return found
