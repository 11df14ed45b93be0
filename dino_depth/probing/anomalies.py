"""Do tokens tell a defect? Each layer's, by the nearest token of nominal parts, as PatchCore does it (Roth, 2022).

Shapes: P parts, h x w patches of each, L blocks, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor
from torch.nn import functional as F

from dino_depth.arrays import Array
from dino_depth.data.normalisation import Normalisation, normalise
from dino_depth.data.sources.labelled_parts import LabelledPart
from dino_depth.probing.backbone import evaluating
from dino_depth.probing.overlap import per_region_overlap

Shown = Literal["depth", "normals"]

MOST_TOKENS = 15_000
TOP_SHARE = 0.01
SMOOTHED_OVER = 1.5  # pixels, of the surface whose normals are taken
BATCH = 16
ROWS = 1024
SEED = 0


def anomaly_probe(
    backbone: VisionTransformer,
    nominal: Sequence[LabelledPart],
    test: Sequence[LabelledPart],
    *,
    shown: Shown,
    depth_normalisation: Normalisation,
) -> list[dict[str, float]]:
    """The figures of each layer, from the first block on.

    A patch scores the cosine distance of its token, after the last norm, to the nearest of `MOST_TOKENS` drawn from the
    nominal parts; one of which less than half was measured scores nothing. A part scores the mean of the highest
    hundredth of its patches.

    Args:
        backbone: A ViT of timm.
        nominal: What is remembered.
        test: What is judged, good and defective parts.
        shown: What the encoder sees: depth, in every channel that it has, or the surface's normals in three.
        depth_normalisation: That of its training.

    Returns:
        For each block `i_auroc`, and `aupro_30` and `aupro_1` over the pixels of the cut-out views.
    """
    size, patch = backbone.patch_embed.img_size[0], backbone.patch_embed.patch_size[0]
    grid = size // patch
    anomalous = torch.tensor([part.anomalous for part in test])
    truths = [_resized(part.defect.astype(np.uint8), size) > 0 for part in test]
    remembered, judged = (
        layer_tokens(
            backbone,
            torch.stack([_input(backbone, part, size, shown, depth_normalisation) for part in parts]),
        )
        for parts in (nominal, test)
    )
    of_nominal, of_test = (
        torch.stack([_measured(part, grid) for part in parts]) for parts in (nominal, test)
    )
    figures = []
    for bank, tokens in zip(remembered, judged, strict=True):
        kept = bank[of_nominal]
        drawn = torch.randperm(len(kept), generator=torch.Generator().manual_seed(SEED))[:MOST_TOKENS]
        scores = torch.zeros(of_test.shape)
        scores[of_test] = nearest_distance(tokens[of_test], kept[drawn])
        top = max(1, round(TOP_SHARE * grid**2))
        parts = scores.flatten(1).topk(top, dim=1).values.mean(dim=1)
        maps = [cv2.resize(one.numpy(), (size, size), interpolation=cv2.INTER_LINEAR) for one in scores]
        figures.append(
            {
                "i_auroc": ranked_higher(parts[anomalous], parts[~anomalous]),
                "aupro_30": per_region_overlap(maps, truths, limit=0.3),
                "aupro_1": per_region_overlap(maps, truths, limit=0.01),
            }
        )
    return figures


@torch.no_grad()
def layer_tokens(backbone: VisionTransformer, inputs: Tensor) -> list[Tensor]:
    """For each of L blocks (P, h, w, C) patch tokens after the last norm, float32, of unit length.

    Args:
        backbone: In whatever mode; it is left as it was.
        inputs: (P, channels, H, W).
    """
    found: list[list[Tensor]] = []
    with evaluating(backbone):
        for batch in torch.split(inputs, BATCH):
            blocks = backbone.forward_intermediates(
                batch, norm=True, output_fmt="NCHW", intermediates_only=True
            )
            found.append([F.normalize(one.permute(0, 2, 3, 1), dim=-1) for one in blocks])
    return [torch.cat(batches) for batches in zip(*found, strict=True)]


def nearest_distance(tokens: Tensor, bank: Tensor) -> Tensor:
    """(M,) 1 - cosine of each of M tokens (M, C) to the nearest of a bank (K, C), all of unit length."""
    return torch.cat([1 - (rows @ bank.T).amax(dim=1) for rows in torch.split(tokens, ROWS)])


def ranked_higher(bad: Tensor, good: Tensor) -> float:
    """The share of pairs of which the bad one scores higher, a tie counting half: the AUROC."""
    difference = bad[:, None] - good[None]
    return float(((difference > 0).double() + 0.5 * (difference == 0).double()).mean())


def surface_normals(points: Array) -> Array:
    """(S, S, 3) float32 unit normals that look to the camera, 0 where there are none.

    Args:
        points: (S, S, 3) float32, 0 where nothing was measured; they are smoothed over `SMOOTHED_OVER` pixels first.
    """
    there = (points[:, :, 2] > 0).astype(np.float32)
    weight = cv2.GaussianBlur(there, (0, 0), SMOOTHED_OVER)
    smooth = cv2.GaussianBlur(points, (0, 0), SMOOTHED_OVER) / np.maximum(weight, 1e-6)[:, :, None]
    down, right = np.gradient(smooth, axis=(0, 1))
    normals = np.cross(right, down)
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-12)
    normals *= -np.sign(normals[:, :, 2:] + 1e-12)
    # Beside what wasn't measured, a slope is that of the smoothing's edge.
    inner = cv2.erode(there.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0)
    return np.asarray(normals * inner[:, :, None], np.float32)


def _input(
    backbone: VisionTransformer, part: LabelledPart, size: int, shown: Shown, method: Normalisation
) -> Tensor:
    """(channels, size, size) float32."""
    channels = backbone.patch_embed.proj.weight.shape[1]
    if shown == "normals":
        image = _resized(surface_normals(part.points), size) / 2 + 0.5
    else:
        depth = _resized(normalise(part.points[:, :, 2], method), size)
        image = np.repeat(depth[:, :, None], channels, axis=2)
    if channels == 3:
        image = (image - backbone.pretrained_cfg["mean"]) / backbone.pretrained_cfg["std"]
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32))


def _measured(part: LabelledPart, grid: int) -> Tensor:
    """(grid, grid) bool: at least half of the patch was measured."""
    there = (part.points[:, :, 2] > 0).astype(np.float32)
    return torch.from_numpy(cv2.resize(there, (grid, grid), interpolation=cv2.INTER_AREA) >= 0.5)


def _resized(image: Array, size: int) -> Array:
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_NEAREST))
