"""Carrying an evaluation out on one process or many, and writing what it came to."""

from __future__ import annotations

import contextlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from accelerate import PartialState  # type: ignore[import-untyped]

from benchmarks.evaluations.data_set_run import DataSetRun
from benchmarks.evaluations.resample_files import write_resamples
from benchmarks.evaluations.scan_resamples import category_resamples, intervals_of, run_resamples
from benchmarks.evaluations.summary import scan_lines, summarise
from benchmarks.runs.files import write_json, write_text
from benchmarks.runs.measured_process import peak_bytes
from modmap.runs.evaluate import SCANS

LONGEST_WAIT = timedelta(days=7)
PACKAGES = ("modmap", "torch", "timm", "numpy", "scipy", "opencv-python")


@dataclass(frozen=True)
class Outcome:
    """What an evaluation came to.

    Attributes:
        results: Content of `results.json`.
        seconds: Mean wall time of a scan's prediction, by category.
    """

    results: dict[str, Any]
    seconds: dict[str, float]


def processes(device: str) -> PartialState:
    """The processes that share the work: one, or as many as `accelerate launch` or `torchrun` began.

    Args:
        device: That the user named, or `auto`.
    """
    cpu = device == "cpu" or (device == "auto" and not torch.cuda.is_available())
    process = PartialState(cpu=cpu, timeout=LONGEST_WAIT)
    if process.is_main_process and process.num_processes > 1:
        print(f"{process.num_processes} processes share the work", flush=True)
    return process


def device_of(process: PartialState, asked: str) -> str:
    """The device of this process: the one that the user named; for `auto`, the process's own."""
    return str(process.device) if asked == "auto" else asked


def carry_out(run: DataSetRun, categories: Sequence[str], process: PartialState) -> Outcome | None:
    """Does what is missing of a run, its models and scans shared out over the processes.

    Writes `results.json`, `resamples.npz`, `scans.jsonl`, `costs.json` and `versions.json`.

    Returns:
        The outcome, or None in every process but the main one.
    """
    run.fit(categories, turn=process.process_index, turns=process.num_processes)
    process.wait_for_everyone()
    before = 0
    for category in categories:
        tests = run.tests(category)
        run.predict(
            category, tests[(process.process_index - before) % process.num_processes :: process.num_processes]
        )
        before += len(tests)
    for category in categories[process.process_index :: process.num_processes]:
        run.ceiling(category)
    process.wait_for_everyone()
    return _measured(run, categories) if process.is_main_process else None


def _measured(run: DataSetRun, categories: Sequence[str]) -> Outcome:
    found = {category: run.metrics(category) for category in categories}
    metrics = {category: one for category, one in found.items() if one is not None}
    failed = {category: run.failure(category) for category in categories if category not in metrics}
    scans = {category: run.tests(category) for category in metrics}
    resamples = run_resamples(
        {
            category: category_resamples(category, one, scans[category], run.out / category / SCANS)
            for category, one in metrics.items()
        },
        scans,
    )
    found_ceilings = {category: run.ceiling(category) for category in metrics}
    ceilings = {category: one for category, one in found_ceilings.items() if one is not None}
    results = {
        **summarise(metrics, scans, failed=failed, ceilings=ceilings),
        "intervals": intervals_of(resamples),
    }
    seconds = {
        name: float(np.mean([sum(scan.seconds.values()) for scan in one.scans]))
        for name, one in metrics.items()
    }
    write_json(run.out / "results.json", results)
    write_resamples(run.out, resamples)
    write_text(run.out / "scans.jsonl", "".join(json.dumps(line) + "\n" for line in scan_lines(metrics)))
    write_json(run.out / "costs.json", _costs(run, seconds))
    write_json(run.out / "versions.json", _versions())
    return Outcome(results, seconds)


def _costs(run: DataSetRun, seconds: Mapping[str, float]) -> dict[str, Any]:
    """What the run took: fit and mean prediction by category, and the most memory a process of it held.

    A run that was resumed keeps the larger peak.
    """
    peak = peak_bytes() / 1e6
    on_gpu = torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else 0.0
    before: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        before = json.loads((run.out / "costs.json").read_text(encoding="utf-8"))
    return {
        "fit_seconds": {category: run.fit_seconds(category) for category in seconds},
        "predict_seconds": dict(seconds),
        "peak_megabytes": round(max(peak, before.get("peak_megabytes", 0.0)), 1),
        "peak_gpu_megabytes": round(max(on_gpu, before.get("peak_gpu_megabytes", 0.0)), 1),
    }


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
