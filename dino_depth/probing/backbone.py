"""A probe of a backbone in memory: what pretraining calls between two steps, and the command on a stored encoder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from dino_depth.errors import DinoDepthError
from dino_depth.probing.figures import linear_probe, rank_me, smoothness
from dino_depth.probing.holes import punched
from dino_depth.probing.maps import ProbeMaps
from dino_depth.probing.neighbours import chance, neighbour_accuracy, why_not

BATCH = 16


def probe_backbone(backbone: VisionTransformer, maps: ProbeMaps, *, batch: int = BATCH) -> dict[str, float]:
    """The figures of a backbone as it is now; nothing of it, nor of the random state, is changed.

    The same weights give the same figures. Each module's training mode is put back, and no gradient is touched.

    Args:
        backbone: A timm ViT with a class token, on any device, of one input channel or more.
        maps: Of `probe_maps`, of the backbone's patch size.
        batch: Maps a forward.

    Returns:
        By name: `rank_of_class_tokens`, `rank_of_patch_tokens` (RankMe), `deviation_of_patch_tokens` (of unit
        length), `smoothness`, `depth_r2`, `slope_r2` and `filled_depth_r2` (of patches turned into holes,
        `holes.punched`) of linear probes on held-out parts, `knn_accuracy` beside `knn_chance` where two categories
        of the maps have two parts each (`neighbours.why_not`), and `maps`.

    Raises:
        DinoDepthError: too few patches were measured, or a token is no number.
    """
    classes, patches = backbone_tokens(backbone, maps.inputs, batch=batch)
    if patches.shape[:3] != maps.inside.shape:
        raise DinoDepthError(
            f"probe: expected maps of {patches.shape[1]} x {patches.shape[2]} patches, as the backbone's, found "
            f"{maps.inside.shape[1]} x {maps.inside.shape[2]}"
        )
    if not (torch.isfinite(classes).all() and torch.isfinite(patches).all()):
        raise DinoDepthError("probe: expected finite tokens, found some that are no number")
    held = maps.held[:, None, None].expand_as(maps.inside)[maps.inside]
    _require_enough(held, channels=patches.shape[-1])
    tokens = patches[maps.inside]
    number = {part: index for index, part in enumerate(dict.fromkeys(maps.parts))}
    part = torch.tensor([number[one] for one in maps.parts])[:, None, None].expand_as(maps.inside)
    rows = {"held": held, "parts": part[maps.inside]}
    figures = {
        "rank_of_class_tokens": rank_me(classes - classes.mean(0)),
        "rank_of_patch_tokens": rank_me(tokens - tokens.mean(0)),
        "deviation_of_patch_tokens": float(F.normalize(tokens, dim=-1).std(0).mean()),
        "smoothness": smoothness(patches),
        "depth_r2": linear_probe(tokens, maps.depth[maps.inside][:, None], **rows),
        "slope_r2": linear_probe(tokens, maps.slopes[maps.inside], **rows),
        "filled_depth_r2": linear_probe(
            _tokens_of_holes(backbone, maps, batch=batch)[maps.inside],
            maps.depth[maps.inside][:, None],
            **rows,
        ),
    }
    if why_not(maps.categories, maps.parts) is None:
        figures["knn_accuracy"] = neighbour_accuracy(classes, maps.categories, maps.parts)
        figures["knn_chance"] = chance(maps.categories, maps.parts)
    return {**figures, "maps": float(len(maps))}


@torch.no_grad()
def backbone_tokens(
    backbone: VisionTransformer, inputs: Tensor, *, batch: int = BATCH
) -> tuple[Tensor, Tensor]:
    """(B, C) class tokens and (B, h, w, C) patch tokens of a backbone in evaluation mode, float32 on the CPU.

    Args:
        backbone: As `probe_backbone` takes it.
        inputs: (B, 1, H, W) float32; every channel of the backbone gets the same.
        batch: Maps a forward.
    """
    weight = backbone.patch_embed.proj.weight
    patch = backbone.patch_embed.patch_size
    grid = inputs.shape[2] // patch[0], inputs.shape[3] // patch[1]
    found = []
    with evaluating(backbone), torch.autocast(weight.device.type, enabled=False):
        for start in range(0, len(inputs), batch):
            pixels = (
                inputs[start : start + batch]
                .to(weight.device, weight.dtype)
                .expand(-1, weight.shape[1], -1, -1)
            )
            found.append(backbone.forward_features(pixels).float().cpu())
    tokens = torch.cat(found)
    patches = tokens[:, backbone.num_prefix_tokens :]
    return tokens[:, 0], patches.reshape(len(inputs), *grid, -1)


def _tokens_of_holes(backbone: VisionTransformer, maps: ProbeMaps, *, batch: int) -> Tensor:
    """(B, h, w, C): of every patch the token that it has when it is hidden."""
    found = torch.zeros(*maps.inside.shape, backbone.num_features)
    for inputs, hidden in punched(maps.inputs, grid=(maps.inside.shape[1], maps.inside.shape[2])):
        _, patches = backbone_tokens(backbone, inputs, batch=batch)
        found[:, hidden] = patches[:, hidden]
    return found


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode; each module's own mode is put back, which `train(True)` would not do."""
    modes = [(one, one.training) for one in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for one, mode in modes:
            one.training = mode


def _require_enough(held: Tensor, *, channels: int) -> None:
    fitted = int((~held).sum())
    if fitted < 2 * channels or not held.any():
        raise DinoDepthError(
            f"probe: expected more measured patches than {2 * channels} to fit and one to hold out, found {fitted} "
            f"and {int(held.sum())}"
        )
