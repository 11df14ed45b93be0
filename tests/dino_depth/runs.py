"""A run of a tiny recipe, as pretraining leaves one."""

from __future__ import annotations

from pathlib import Path

import torch

from dino_depth.config import PretrainConfig
from dino_depth.objective.parameter_groups import parameter_groups
from dino_depth.objective.student_teacher import StudentTeacher
from dino_depth.training.checkpoints import Checkpoints
from tests.dino_depth.objective.tiny import BACKBONE, tiny_config


def run_config() -> PretrainConfig:
    """Of `write_run`."""
    return tiny_config(model={"drop_path": 0.0, "layer_scale": 0.5, "options": dict(BACKBONE)})


def write_run(directory: Path) -> StudentTeacher:
    """A run with one checkpoint, at step 40 of 100, whose teacher isn't its student; returns the model."""
    torch.manual_seed(0)
    model = StudentTeacher(run_config())
    with torch.no_grad():
        for parameter in model.teacher.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    optimizer = torch.optim.AdamW(parameter_groups(model.student))
    record = {
        "config": run_config().model_dump(mode="json"),
        "steps": 100,
        "total_batch": 16,
        "sources": {"cadscan": 70, "mvtec_3d_ad": 30},
    }
    Checkpoints(directory / "checkpoints", keep=2).save(model, optimizer, step=40, record=record)
    return model
