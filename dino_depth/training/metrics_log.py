"""What a run reports: a line of JSON every few steps, and a line to read."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch

from dino_depth.training.step_lines import StepLines

METRICS = "metrics.jsonl"


class MetricsLog:
    """`metrics.jsonl`: a line of every logged step; a resumed run drops the lines past its checkpoint.

    Args:
        out: The run's directory.
        start: Steps done before this run began.
        steps: Steps of the whole run.
        every: Steps between lines.
        state: Of the log of the run that this one resumes, at its checkpoint.
    """

    def __init__(
        self, out: Path, *, start: int, steps: int, every: int, state: Mapping[str, Any] | None = None
    ) -> None:
        self._lines = StepLines(out / METRICS, start=start)
        self._steps = steps
        self._every = every
        self._begin()
        self._sums: dict[str, float] = dict(state["sums"]) if state else {}
        self._count = int(state["count"]) if state else 0

    @property
    def state(self) -> dict[str, Any]:
        """What the next line is the mean of so far, as JSON."""
        return {"sums": dict(self._sums), "count": self._count}

    def add(
        self,
        step: int,
        losses: Mapping[str, float] | None,
        values: Mapping[str, Any],
        *,
        maps: int,
        waited: float = 0.0,
    ) -> dict[str, Any] | None:
        """Takes in a step; writes and prints a line when it is time.

        Args:
            step: Steps done, this one included.
            losses: Of this step; a line has their means since the last one. None: the step was left out.
            values: Of the schedules, at this step.
            maps: Depth maps that a step takes in.
            waited: Seconds of this step in which this process waited for its data.

        Returns:
            What the line has beside the step; None where none was written.
        """
        if losses is not None:
            for name, value in losses.items():
                self._sums[name] = self._sums.get(name, 0.0) + value
            self._count += 1
        self._waited += waited
        self._steps_taken += 1
        if step % self._every and step != self._steps:
            return None
        means = {name: value / self._count for name, value in self._sums.items()}
        took = (time.perf_counter() - self._since - self._paused) / self._steps_taken
        share = self._waited / (took * self._steps_taken)
        self._sums, self._count = {}, 0
        line = {**means, **values}
        self._lines.add(step, line)
        left = timedelta(seconds=round(took * (self._steps - step)))
        text = "  ".join(f"{name} {value:.4f}" for name, value in means.items())
        print(
            f"step {step}/{self._steps}  {text}  {maps / took:.1f} maps/s  {share:.0%} waiting for data  "
            f"{peak_gigabytes():.1f} GB  {left} left",
            flush=True,
        )
        self._begin()
        return line

    def pause(self, seconds: float) -> None:
        """Leaves time out of the rate: that of a probe, or of a checkpoint."""
        self._paused += seconds

    def _begin(self) -> None:
        """Begins the window of a line: the rate is that since the last one."""
        self._since, self._paused, self._waited, self._steps_taken = time.perf_counter(), 0.0, 0.0, 0


def peak_gigabytes() -> float:
    """The most memory that was held: of the GPU where there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * (1 if sys.platform == "darwin" else 1024) / 1e9
