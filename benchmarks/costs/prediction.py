"""Where the time of a prediction goes: `python -m benchmarks.prediction_speed --model model/ --scan scan/`.

A process of its own for each number of threads imports the package, loads the model, predicts the scan twice, and
writes its result twice, without pictures and with them. The first prediction also takes what it needs from the nominal
views; the second one's steps are told.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_report
from benchmarks.runs.markdown import markdown
from benchmarks.runs.measured_process import measured, peak_bytes, tell

CHILD = "from benchmarks.costs.prediction import measure; import sys; measure(*sys.argv[1:])"


@dataclass(frozen=True)
class Arguments:
    """Measure seconds of a prediction by step, from the start of the process to the written result."""

    model: Path
    """A model's directory."""
    scan: Path
    """A scan that it can predict."""
    threads: tuple[int, ...] = (1, 2)
    """Each is a row; ratios are to the first."""
    out: Path = Path("results/prediction_speed")
    """Where table.md and results.json go."""


def measure(model_directory: str, scan_directory: str) -> None:
    """Measures in this process, which has imported nothing of the package that takes long, and tells the figures."""
    marks = [time.perf_counter()]

    def lap() -> float:
        marks.append(time.perf_counter())
        return marks[-1] - marks[-2]

    from modmap import ModMap, Scan
    from modmap.runs.predict import write_result

    seconds: dict[str, float] = {"import": lap()}
    model = ModMap.from_pretrained(model_directory, device="cpu")
    scan = Scan.load(scan_directory)
    seconds["load"] = lap()
    model.predict(scan)
    seconds["first prediction"] = lap()
    result = model.predict(scan)
    seconds["prediction"] = lap()
    with tempfile.TemporaryDirectory() as place:
        write_result(result, scan, Path(place) / scan.name, model=model, overlays=False)
        seconds["write"] = lap()
        write_result(result, scan, Path(place) / scan.name, model=model)
        seconds["write with pictures"] = lap()
    tell({"views": len(scan), "seconds": seconds, "steps": dict(result.seconds), "peak_bytes": peak_bytes()})


def run(arguments: Arguments) -> int:
    """Measures by each number of threads and prints the table."""
    found: list[dict[str, Any]] = []
    for threads in arguments.threads:
        words = [sys.executable, "-c", CHILD, str(arguments.model), str(arguments.scan)]
        figures = measured(words, OMP_NUM_THREADS=str(threads))
        found.append({"threads": threads, **figures})
        print(f"{threads} threads: {figures['seconds']['prediction']:.1f} s", flush=True)
    write_report(arguments.out, {"scan": str(arguments.scan), "rows": found}, _table(found))
    return 0


def _table(found: list[dict[str, Any]]) -> str:
    """Markdown: a column for each number of threads."""
    header = ["seconds", *(f"{one['threads']} thread{'s' * (one['threads'] > 1)}" for one in found)]
    if len(found) > 1:
        header.append("times as fast")
    rows = []

    def add(name: str, values: list[float]) -> None:
        ratio = [f"{values[0] / values[-1]:.2f}"] if len(values) > 1 and values[-1] > 0 else []
        rows.append([name, *(f"{value:.2f}" for value in values), *ratio])

    for name in found[0]["seconds"]:
        add(name, [one["seconds"][name] for one in found])
        if name == "prediction":
            for step in found[0]["steps"]:
                add(f"- {step}", [one["steps"][step] for one in found])
    rows.append(["peak memory, GB", *(f"{one['peak_bytes'] / 1e9:.2f}" for one in found)])
    title = f"One scan of {found[0]['views']} views; `prediction` is of a process that has predicted before."
    width = len(header)
    return f"{title}\n\n{markdown(header, [row + [''] * (width - len(row)) for row in rows])}"


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.prediction_speed", words=words)
