"""How long an encoder takes for a view in bfloat16 and in float32: `python -m benchmarks.features.precision_speed`.

Both look at the same views of a data set, in turns; the fastest turn of each counts. What bfloat16 changes is said too:
the cosine between a token of the one and of the other, over all tokens of the views.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_report
from benchmarks.runs.markdown import markdown
from modmap.config import EncoderSettings
from modmap.datasets import load_scan
from modmap.device import choose_device
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.types import Modality, Precision

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


@dataclass(frozen=True)
class Arguments:
    """Measure seconds for a view in each precision, and how far the tokens move."""

    scan: Path
    """A scan's directory."""
    encoder: str = "dinov2_vits14"
    """As in `modmap fit`."""
    modality: Modality = "image"
    """What of the views it looks at."""
    size: int = 448
    """Side of its square input, pixels."""
    views: int = 4
    """So many of the scan's."""
    turns: int = 3
    """How often each precision goes through them, in turns."""
    device: str = "auto"
    """As in `modmap fit`."""
    out: Path = Path("results/precision_speed")
    """Where table.md and results.json go."""


def run(arguments: Arguments) -> int:
    """Measures both and prints the table."""
    device = choose_device(arguments.device)
    encoders = [
        FrozenEncoder(
            EncoderSettings(reference=arguments.encoder, normalisation="robust", precision=precision),
            arguments.modality,
            size=arguments.size,
        ).to(device)
        for precision in PRECISIONS
    ]
    frames = [view.load() for view in load_scan(arguments.scan).views[: arguments.views]]
    pixels = [encoders[0].prepare(frame)[None].to(device) for frame in frames]
    seconds = [float("inf")] * len(encoders)
    tokens: list[Tensor] = []
    for turn in range(1 + arguments.turns):  # the first finds the kernels
        tokens = []
        for index, encoder in enumerate(encoders):
            begun = time.perf_counter()
            tokens.append(torch.cat([encoder(one) for one in pixels]).cpu())  # waits for the device
            if turn:
                seconds[index] = min(seconds[index], (time.perf_counter() - begun) / len(pixels))
    cosines = F.cosine_similarity(tokens[0], tokens[1], dim=-1)
    found: dict[str, Any] = {
        "seconds_a_view": dict(zip(PRECISIONS, seconds, strict=True)),
        "ratio": seconds[0] / seconds[1],
        "cosine": {"median": float(cosines.median()), "least": float(cosines.min())},
        "device": _name(device),
        "threads": torch.get_num_threads(),
    }
    rows = [
        [name, f"{took:.3f}", f"{seconds[0] / took:.1f}x"]
        for name, took in zip(PRECISIONS, seconds, strict=True)
    ]
    table = markdown([f"{arguments.encoder}, {arguments.size} px", "s per view", "against float32"], rows)
    table += (
        f"\n\nOn {found['device']}; the cosine between their tokens is {found['cosine']['median']:.5f} in the median, "
        f"{found['cosine']['least']:.5f} at least."
    )
    write_report(arguments.out, found, table)
    return 0


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.features.precision_speed", words=words)


if __name__ == "__main__":
    sys.exit(main())
