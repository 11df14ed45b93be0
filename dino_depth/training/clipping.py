"""The length of a step's gradient: each module's by itself, as DINO-v2 clips them."""

from __future__ import annotations

import itertools

import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from torch import Tensor
from torch.distributed.tensor import DTensor

from dino_depth.objective.student_teacher import Branch


def clip_by_module(student: Branch, most: float, accelerator: Accelerator) -> Tensor:
    """Shortens the gradients of the ViT (with the mask token) and of either head, where they are longer than that.

    So a head whose gradient bursts doesn't still the ViT.

    Args:
        student: Whose gradients are there; sharded or not.
        most: The norm of one module's gradient.
        accelerator: Of this process.

    Returns:
        () the norm of all gradients before, the same in every process.
    """
    accelerator.unscale_gradients()
    modules = (
        itertools.chain(student.backbone.parameters(), [student.mask_token]),
        student.dino_head.parameters(),
        student.ibot_head.parameters(),
    )
    norms = [torch.nn.utils.clip_grad_norm_(parameters, most) for parameters in modules]
    whole = [norm.full_tensor() if isinstance(norm, DTensor) else norm for norm in norms]
    total: Tensor = torch.linalg.vector_norm(torch.stack(whole))
    return total
