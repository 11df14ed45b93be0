"""Starting from an encoder of images: DINO-v2's weights, its patch embedding folded to one channel."""

from __future__ import annotations

from pathlib import Path

import timm
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from dino_depth.errors import ConfigError, one_line

PATCH_EMBEDDING = "patch_embed.proj.weight"


def load_starting_weights(backbone: VisionTransformer, reference: str) -> None:
    """Fills a backbone with another's weights.

    The three channels of the patch embedding are summed, so that a depth map gives the tokens of a gray image. Strict:
    every weight must be there, and of the right shape; the position embedding is resampled to the backbone's grid.

    Args:
        backbone: With one input channel.
        reference: `local-dir:PATH` or `hf-hub:ORG/NAME`, a directory, or a pretrained model of timm's.

    Raises:
        ConfigError: it can't be loaded, or is another architecture.
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
        weights[PATCH_EMBEDDING] = weights[PATCH_EMBEDDING].sum(dim=1, keepdim=True)
    try:
        backbone.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        reason = one_line(error, longest=300)
        raise ConfigError(
            f"model.start_from: {reference}: expected the same architecture ({reason})"
        ) from None
