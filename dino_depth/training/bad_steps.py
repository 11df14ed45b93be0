"""Steps whose gradient isn't finite: left out and told of, until there are too many of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from accelerate.utils import gather_object  # type: ignore[import-untyped]
from torch import Tensor
from torch.distributed.tensor import DTensor

from dino_depth.atomic import atomic_file
from dino_depth.data.loader import Batch
from dino_depth.errors import DinoDepthError
from dino_depth.training.step_lines import StepLines

SKIPPED = "skipped.jsonl"
IN_A_ROW = 3  # bad steps one after the other: the weights are such that no good one will follow


class BadSteps:
    """`skipped.jsonl`: a line of every step that was left out, with the corpus rows that each process took.

    Every process must call what is here at the same steps. A resumed run counts on from its checkpoint.

    Args:
        out: The run's directory.
        start: Steps done before this run began.
        most: Steps that may be left out in the whole run.
        accelerator: Of this process.
    """

    def __init__(self, out: Path, *, start: int, most: int, accelerator: Accelerator) -> None:
        self._out, self._most, self._accelerator = out, most, accelerator
        self._lines = StepLines(out / SKIPPED, start=start) if accelerator.is_main_process else None
        counts = gather_object([0 if self._lines is None else self._lines.count])
        self._count = max(counts)
        self._in_a_row = 0

    def is_bad(self, losses: Mapping[str, Tensor], norm: Tensor) -> bool:
        """Whether a step must be left out; to be asked of every step.

        Args:
            losses: Of this process, on its device.
            norm: Of the gradient of all processes, the same in each. In float16 the scaler of the loss deals with one
                that overflowed, as it looks for its scale; there the losses alone are asked.
        """
        finite = torch.isfinite(losses["total"].detach())
        if self._accelerator.scaler is None:
            finite = finite & torch.isfinite(norm).to(finite.device)
        bad = bool(self._accelerator.reduce((~finite).to(torch.float32), "sum") > 0)
        self._in_a_row = self._in_a_row + 1 if bad else 0
        return bad

    def add(
        self,
        step: int,
        batches: Iterable[Batch],
        losses: Mapping[str, Tensor],
        norm: Tensor,
        weights: Iterable[Tensor],
    ) -> None:
        """Takes in a step that is left out; the first process writes and prints a line.

        Args:
            step: Steps done before this one.
            batches: That this process took.
            losses: Of this process.
            norm: Of the gradient.
            weights: Of the student, as far as this process has them.

        Raises:
            DinoDepthError: it is one too many, in all or in a row, or the weights aren't finite themselves; the batch
                is saved.
        """
        batches = list(batches)
        found = {name: float(value) for name, value in losses.items()} | {"gradient_norm": float(norm)}
        lost = self._accelerator.reduce(
            torch.tensor(float(not all(is_finite(one) for one in weights)), device=self._accelerator.device),
            "sum",
        )
        told = gather_object([{"rows": [row for one in batches for row in one.rows.tolist()], **found}])
        self._count += 1
        if self._lines is not None:
            self._lines.add(step + 1, {"processes": [_as_json(one) for one in told]})
            print(
                f"step {step + 1} left out: {_text(found)}; its rows are in {self._out / SKIPPED}", flush=True
            )
        reason = None
        if lost > 0:
            reason = "the weights aren't finite any more"
        elif self._in_a_row >= IN_A_ROW:
            reason = f"so it was in {self._in_a_row} steps in a row"
        elif self._count > self._most:
            reason = f"{self._count} steps were left out, run.skip_at_most is {self._most}"
        if reason is not None:
            path = self._saved(batches[-1], step)
            raise DinoDepthError(
                f"step {step}: expected finite losses and gradients, found {_text(found)}; {reason}; the batch is in "
                f"{path}"
            )

    def _saved(self, batch: Batch, step: int) -> Path:
        path = self._out / f"diverged_step_{step:08d}_process_{self._accelerator.process_index}.safetensors"
        tensors = {"global_crops": batch.global_crops, "masks": batch.masks, "rows": batch.rows}
        if batch.local_crops is not None:
            tensors["local_crops"] = batch.local_crops
        with atomic_file(path) as partial:
            kept = {name: one.cpu().contiguous() for name, one in tensors.items()}
            partial.write_bytes(safetensors.torch.save(kept))
        return path


def is_finite(tensor: Tensor) -> bool:
    """Whether no number of a tensor, or of this process's share of it, is NaN or infinite."""
    own = tensor.to_local() if isinstance(tensor, DTensor) else tensor
    return not own.is_floating_point() or bool(torch.isfinite(own).all())


def _text(found: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in found.items())


def _as_json(told: Mapping[str, Any]) -> dict[str, Any]:
    """With numbers that aren't finite as text, as JSON knows none."""
    return {
        name: value if not isinstance(value, float) or abs(value) < float("inf") else str(value)
        for name, value in told.items()
    }
