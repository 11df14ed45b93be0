"""A recipe and a ViT that a core trains in seconds, and batches for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from dino_depth.config import PretrainConfig
from dino_depth.data.masks import block_masks
from dino_depth.objective.student_teacher import StudentTeacher

BACKBONE = {"depth": 2, "embed_dim": 32, "num_heads": 2}
CREATED = {**BACKBONE, "in_chans": 1, "num_classes": 0, "dynamic_img_size": True}
"""Arguments of `timm.create_model` for the same ViT alone."""


def tiny_config(**changes: dict[str, Any]) -> PretrainConfig:
    """ViT/14 on crops of 56 and 28 pixels, 2 local crops, 64 prototypes; changes by section."""
    sections: dict[str, dict[str, Any]] = {
        "model": {"drop_path": 0.0, "layer_scale": 1.0, "options": BACKBONE},
        "heads": {"prototypes": 64, "bottleneck": 16, "hidden": 64, "layers": 2},
        "crops": {"global_size": 56, "local_size": 28, "local_count": 2},
    }
    for section, values in changes.items():
        sections[section] = {**sections.get(section, {}), **values}
    return PretrainConfig.model_validate(sections)


def tiny_student_teacher(config: PretrainConfig | None = None, *, seed: int = 0) -> StudentTeacher:
    """In training mode; the teacher is the student's copy."""
    torch.manual_seed(seed)
    return StudentTeacher(config or tiny_config())


def random_batch(maps: int = 3, *, seed: int = 0, local: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Global crops (2 maps, 1, 56, 56), local crops (local * maps, 1, 28, 28), masks (2 maps, 16)."""
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(2 * maps, 1, 56, 56, generator=generator),
        torch.randn(local * maps, 1, 28, 28, generator=generator),
        block_masks(2 * maps, (4, 4), rng=np.random.default_rng(seed)),
    )
