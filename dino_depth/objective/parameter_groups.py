"""The optimiser's parameter groups: learning rates by depth, and what is spared weight decay (DINO-v2, App. B)."""

from __future__ import annotations

from typing import Any

from torch.optim import Optimizer

from dino_depth.objective.schedules import ScheduleValues
from dino_depth.objective.student_teacher import Branch


def layer_of(name: str, blocks: int) -> int:
    """The layer of a student's parameter: 0 before the blocks, i + 1 in block i, blocks + 1 after them.

    Args:
        name: As in `Branch.named_parameters`.
        blocks: How many the backbone has.
    """
    if name == "mask_token":
        return 0
    part, _, rest = name.partition(".")
    if part != "backbone":
        return blocks + 1
    if rest.startswith("blocks."):
        return int(rest.split(".")[1]) + 1
    before = ("patch_embed.", "cls_token", "reg_token", "pos_embed", "norm_pre.")
    return 0 if rest.startswith(before) else blocks + 1


def parameter_groups(
    student: Branch, *, layer_decay: float = 0.9, patch_embedding_lr: float = 0.2
) -> list[dict[str, Any]]:
    """All parameters of the student, in as few groups as their factors allow.

    Args:
        student: Before any wrapper, so that its names are its own.
        layer_decay: The learning rate's factor from a layer to the one below it; the layer after the last block, and
            the heads, have 1.
        patch_embedding_lr: A further factor for the patch embedding.

    Returns:
        Groups for an optimiser: `params`, their factors `lr_multiplier` and `weight_decay_multiplier` (0 or 1), and
        `is_last_layer`, whether they are a head's last layer, which rests at first.
    """
    blocks = len(student.backbone.blocks)
    groups: dict[tuple[float, float, bool], dict[str, Any]] = {}
    for name, parameter in student.named_parameters():
        lr = layer_decay ** (blocks + 1 - layer_of(name, blocks))
        if name.startswith("backbone.patch_embed."):
            lr *= patch_embedding_lr
        # Biases, norms and layer scales are vectors; no other parameter of a ViT or a head is.
        decay = 0.0 if parameter.ndim < 2 else 1.0
        last = ".last_layer." in name
        factors = {"lr_multiplier": lr, "weight_decay_multiplier": decay, "is_last_layer": last}
        group = groups.setdefault((lr, decay, last), {"params": [], **factors})
        group["params"].append(parameter)
    return list(groups.values())


def set_rates(optimizer: Optimizer, values: ScheduleValues) -> None:
    """Sets `lr` and `weight_decay` of every group for the coming step.

    Args:
        optimizer: Over the groups that `parameter_groups` makes.
        values: Of that step.
    """
    for group in optimizer.param_groups:
        lr = values.last_layer_lr if group["is_last_layer"] else values.lr
        group["lr"] = lr * group["lr_multiplier"]
        group["weight_decay"] = values.weight_decay * group["weight_decay_multiplier"]
