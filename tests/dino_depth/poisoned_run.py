"""A run in which some steps' gradients are NaN, in the last process, though its losses are finite.

`poisoned_run.py 2,5 --config smoke ...` poisons the third step and the sixth.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor

from dino_depth import pretrain
from dino_depth.objective.student_teacher import StudentTeacher


class Poisoned(StudentTeacher):
    """Whose losses have the gradient 0 * infinity at some calls."""

    calls = 0
    poisoned: frozenset[int] = frozenset()

    def forward(self, *arguments: Any, **named: Any) -> dict[Any, Tensor]:
        losses = super().forward(*arguments, **named)
        rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
        last = torch.distributed.get_world_size() - 1 if torch.distributed.is_initialized() else 0
        if Poisoned.calls in self.poisoned and rank == last:
            nothing = (0 * self.student.mask_token).square().sum().sqrt()
            losses["total"] = losses["total"] + nothing
        Poisoned.calls += 1
        return losses


if __name__ == "__main__":
    torch.set_num_threads(1)
    Poisoned.poisoned = frozenset(int(one) for one in sys.argv[1].split(","))
    pretrain.StudentTeacher = Poisoned  # type: ignore[misc]
    pretrain.end(pretrain.main(sys.argv[2:]))
