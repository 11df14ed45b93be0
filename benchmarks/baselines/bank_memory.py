"""What comparing a scan with a memory bank takes: `python -m benchmarks.baselines.bank_memory`.

Random tokens of a scan's shape are compared with a random bank by the very function that PatchCore, BTF and M3DM use.
Every number of views has a process of its own; what counts is by how much its peak of resident memory rises.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.baselines.memory_bank import nearest
from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_report
from benchmarks.runs.markdown import markdown
from benchmarks.runs.measured_process import measured, peak_bytes, tell

MEGABYTE = 10**6


@dataclass(frozen=True)
class Arguments:
    """Measure the peak memory of finding every token's nearest of the bank."""

    views: tuple[int, ...] = (12, 36)
    """Of a scan."""
    grid: int = 64
    """Tokens along a view's side: 64 of ViT/14 at 896 pixels."""
    channels: int = 384
    """Of a token."""
    kept: int = 10_000
    """Tokens in the bank: the most that the methods keep by default."""
    out: Path = Path("results/bank_memory")
    """Where table.md and results.json go."""
    only: int | None = None
    """Measure this number of views in this process and print the figures; each of `views` is run so."""


def run(arguments: Arguments) -> int:
    """Measures every number of views in a process of its own, or one in this process."""
    if arguments.only is not None:
        tell(_measured(arguments, arguments.only))
        return 0
    found = {str(views): _in_process(arguments, views) for views in arguments.views}
    header = ["views", "tokens, MB", "bank, MB", "search, MB more", "all distances at once, MB", "CPU s"]
    rows = [
        [
            views,
            *(f"{row[name] / MEGABYTE:,.0f}" for name in ("tokens", "bank", "search", "whole")),
            f"{row['cpu_seconds']:.0f}",
        ]
        for views, row in found.items()
    ]
    write_report(arguments.out, found, markdown(header, rows))
    return 0


def _measured(arguments: Arguments, views: int) -> dict[str, Any]:
    """Bytes of what there is, and by how many the search raised the process's peak."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(views * arguments.grid**2, arguments.channels, generator=generator)
    bank = torch.randn(arguments.kept, arguments.channels, generator=generator)
    before, begun = peak_bytes(), time.process_time()
    nearest(tokens, bank)
    return {
        "tokens": tokens.nbytes,
        "bank": bank.nbytes,
        "search": peak_bytes() - before,
        "whole": len(tokens) * len(bank) * tokens.element_size(),
        "cpu_seconds": time.process_time() - begun,
    }


def _in_process(arguments: Arguments, views: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.baselines.bank_memory", "--only", str(views)]
    for name in ("grid", "channels", "kept"):
        command += [f"--{name}", str(getattr(arguments, name))]
    return measured(command)


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.baselines.bank_memory", words=words)


if __name__ == "__main__":
    sys.exit(main())
