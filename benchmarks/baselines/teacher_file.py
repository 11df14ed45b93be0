"""The weights of EfficientAD's teacher in a file, as anomalib releases them or as safetensors."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch

from modmap.errors import ModMapError, one_line

ENDINGS = (".pth", ".safetensors")
LONGEST_REASON = 300


def is_file(teacher: str) -> bool:
    """Whether a teacher is a file of weights, not the name of an encoder."""
    return teacher.endswith(ENDINGS)


def load_teacher(teacher: torch.nn.Module, path: Path) -> None:
    """Fills the teacher, every weight of it; a `.pth` is read as tensors alone, none of its code is run.

    Raises:
        ModMapError: the file is damaged, or holds other weights.
    """
    try:
        if path.suffix == ".safetensors":
            weights = safetensors.torch.load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
        teacher.load_state_dict(weights, strict=True)
    except Exception as error:
        reason = one_line(error, LONGEST_REASON)
        raise ModMapError(f"{path}: expected the weights of EfficientAD's teacher: {reason}") from None
