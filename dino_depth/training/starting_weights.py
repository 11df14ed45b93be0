"""Starting from an encoder of images, its patch embedding folded to one channel, or from another run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from timm.layers import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from dino_depth.config import ModelSettings
from dino_depth.errors import ConfigError, DinoDepthError, one_line
from dino_depth.objective.student_teacher import StudentTeacher
from dino_depth.training.checkpoints import MODEL, checkpoint_of, read_tensors

PATCH_EMBEDDING, BIAS = "patch_embed.proj.weight", "patch_embed.proj.bias"


def load_start(model: StudentTeacher, settings: ModelSettings) -> None:
    """Fills a new run's model with what its settings name; with nothing named, it stays random.

    Raises:
        ConfigError: both are named, or as `load_starting_weights` and `load_run`.
        DinoDepthError: as `load_run`.
    """
    if settings.start_from is not None and settings.init_from is not None:
        raise ConfigError(
            f"model.init_from: expected one thing to start with, found {settings.init_from} and "
            f"model.start_from {settings.start_from}"
        )
    if settings.init_from is not None:
        load_run(model, settings.init_from)
    if settings.start_from is not None:
        load_starting_weights(model.student.backbone, settings.start_from)
        model.update_teacher(0.0)


def load_starting_weights(backbone: VisionTransformer, reference: str) -> None:
    """Fills a backbone with another's weights.

    The three channels of the patch embedding are summed, the mean and standard deviation that images were normalised
    with folded in, so that a depth map of values in [0, 1] gives the tokens of a gray image of the same values. Strict:
    every weight must be there, and of the right shape; the position embedding is resampled to the backbone's grid.

    Args:
        backbone: With one input channel.
        reference: `local-dir:PATH` or `hf-hub:ORG/NAME`, a directory, or a pretrained model of timm's.

    Raises:
        ConfigError: it can't be loaded, is another architecture, or has no bias that its mean could be folded into.
    """
    grid = backbone.patch_embed.grid_size
    patch = backbone.patch_embed.patch_size[0]
    is_path = Path(reference).is_dir() or ("/" in reference and ":" not in reference)
    source = f"local-dir:{reference}" if is_path else reference
    try:
        other = timm.create_model(source, pretrained=True, num_classes=0, img_size=grid[0] * patch)
    except Exception as error:
        reason = one_line(error, longest=200)
        raise ConfigError(f"model.start_from: {reference}: can't be loaded ({reason})") from None
    weights: dict[str, Tensor] = dict(other.state_dict())
    if weights[PATCH_EMBEDDING].shape[1] != backbone.patch_embed.proj.weight.shape[1]:
        _fold(weights, other.pretrained_cfg, reference=reference)
    _fill(backbone, weights, f"model.start_from: {reference}: expected the same architecture")


def load_run(model: StudentTeacher, source: str) -> None:
    """Fills student, teacher, heads and centering with another run's.

    Strict, but for position embeddings, which are resampled to the grid of this run's crops.

    Args:
        model: Of this run.
        source: A run's directory, or a checkpoint's.

    Raises:
        ConfigError: there is no checkpoint, or one of another architecture or other heads.
        DinoDepthError: it is damaged.
    """
    try:
        checkpoint = checkpoint_of(Path(source))
    except DinoDepthError as error:
        raise ConfigError(f"model.init_from: {error}") from None
    weights = read_tensors(checkpoint / MODEL)
    for branch in ("student", "teacher"):
        name = f"{branch}.backbone.pos_embed"
        backbone = getattr(model, branch).backbone
        if name in weights and weights[name].shape != backbone.pos_embed.shape:
            weights[name] = resample_abs_pos_embed(
                weights[name],
                new_size=list(backbone.patch_embed.grid_size),
                num_prefix_tokens=0 if backbone.no_embed_class else backbone.num_prefix_tokens,
            )
    _fill(model, weights, f"model.init_from: {checkpoint}: expected the same architecture and heads")


def _fill(module: nn.Module, weights: Mapping[str, Tensor], expected: str) -> None:
    """Loads weights, every one of them; what was expected is told where they don't fit."""
    try:
        module.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise ConfigError(f"{expected} ({one_line(error, longest=300)})") from None


def _fold(weights: dict[str, Tensor], normalisation: Mapping[str, Any], *, reference: str) -> None:
    """Makes a patch embedding of normalised images one of a single channel in [0, 1], in place."""
    weight = weights[PATCH_EMBEDDING].double()
    mean, deviation = (
        torch.tensor(normalisation[name], dtype=torch.float64).view(1, -1, 1, 1) for name in ("mean", "std")
    )
    scaled = weight / deviation
    if mean.any():
        if BIAS not in weights:
            raise ConfigError(
                f"model.start_from: {reference}: expected a patch embedding with a bias, or images of mean 0, found a "
                f"mean of {normalisation['mean']} and none"
            )
        weights[BIAS] = (weights[BIAS].double() - (scaled * mean).sum(dim=(1, 2, 3))).float()
    weights[PATCH_EMBEDDING] = scaled.sum(dim=1, keepdim=True).float()
