"""How fast the machine is: a product of matrices, and a view through the default preset's network."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch

from modmap.encoding.autocast import settled
from modmap.encoding.cnn import cnn_maps
from modmap.types import Precision

SIDE = 448  # pixels of a view
MATRIX = 1024  # rows and columns
SECONDS = 0.5  # for each measurement, and at least three runs
FEWEST = 3


@dataclass(frozen=True)
class Speed:
    """How fast the machine is.

    Attributes:
        gflops: Of a product of two matrices of 1024 x 1024, 10^9 operations a second, by precision.
        view_seconds: For a gray view of 448 x 448 through the network that comes with the package, on the CPU.
    """

    gflops: dict[str, float]
    view_seconds: float


def measured_speed(device: torch.device) -> Speed:
    """Measures for a second or two; each figure is the median of its runs, after one that doesn't count.

    Raises:
        ModMapError: the weights in the package are damaged.
        RuntimeError: torch can't compute on the device.
    """
    precisions: list[Precision] = ["float32"]
    if settled("auto", device) != "float32":
        precisions.append("bfloat16")
    gflops: dict[str, float] = {one: 2e-9 * MATRIX**3 / _seconds(_product(one, device)) for one in precisions}
    picture = np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32)
    return Speed(gflops, _seconds(lambda: cnn_maps(picture)))


def _product(precision: Precision, device: torch.device) -> Callable[[], object]:
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    matrix = torch.randn(MATRIX, MATRIX, device=device, dtype=kind, generator=torch.Generator(device))
    found = torch.empty_like(matrix)

    def multiply() -> None:
        torch.mm(matrix, matrix, out=found)
        found[0, 0].item()  # a GPU is asked for the outcome, or it would only be told to begin

    return multiply


def _seconds(run: Callable[[], object]) -> float:
    run()
    took: list[float] = []
    while len(took) < FEWEST or sum(took) < SECONDS:
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return median(took)
