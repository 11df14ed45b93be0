"""`python -m dino_depth.probe`: is an encoder learning? Figures and pictures that need no labels."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import timm
import torch
from torch import Tensor
from torch.nn import functional as F

from dino_depth.data.corpus import decode_depth, open_corpus
from dino_depth.data.normalisation import normalise

Array = npt.NDArray[Any]

PICTURES = 8
SHOWN = 224
RIDGE = 1e-3
TEST_SHARE = 0.3
LEAST_MEASURED = 0.5


class ProbeError(ValueError):
    """An encoder or a corpus that can't be probed; one line."""


def rank_me(features: Tensor) -> float:
    """The effective rank: exp of the entropy of the singular values, normalised to sum 1 (RankMe, Garrido 2023).

    Args:
        features: (M, C).
    """
    values = torch.linalg.svdvals(features.double())
    shares = values / values.sum().clamp(min=1e-12) + 1e-12
    return float(torch.exp(-(shares * shares.log()).sum()))


def smoothness(patches: Tensor) -> float:
    """How much more alike patches beside one another are than any two of a map: a difference of mean cosines.

    Args:
        patches: (B, h, w, C).
    """
    unit = F.normalize(patches.double(), dim=-1)
    beside = torch.cat(
        [
            (unit[:, 1:] * unit[:, :-1]).sum(-1).flatten(),
            (unit[:, :, 1:] * unit[:, :, :-1]).sum(-1).flatten(),
        ]
    )
    flat = unit.flatten(1, 2)
    count = flat.shape[1]
    total = (flat.sum(1) ** 2).sum(-1) - count
    return float(beside.mean() - (total / (count * (count - 1))).mean())


def linear_probe(features: Tensor, targets: Tensor) -> float:
    """R^2 on the last 30 % of the rows of a ridge regression fitted to the others; 1 is perfect, 0 a constant.

    Args:
        features: (M, C).
        targets: (M, D).
    """
    split = int(len(features) * (1 - TEST_SHARE))
    mean, deviation = features[:split].double().mean(0), features[:split].double().std(0).clamp(min=1e-6)
    rows = (features.double() - mean) / deviation
    rows = torch.cat([rows, torch.ones(len(rows), 1, dtype=rows.dtype)], dim=1)
    fitted, held = rows[:split], rows[split:]
    goal = targets.double()
    gram = fitted.T @ fitted + RIDGE * len(fitted) * torch.eye(fitted.shape[1], dtype=rows.dtype)
    weights = torch.linalg.solve(gram, fitted.T @ goal[:split])
    error = ((held @ weights - goal[split:]) ** 2).sum()
    spread = ((goal[split:] - goal[split:].mean(0)) ** 2).sum()
    return float(1 - error / spread.clamp(min=1e-12))


def patch_targets(depth: Array, grid: int) -> tuple[Array, Array, Array]:
    """What a patch token can be asked for.

    Args:
        depth: (H, W) float32 normalised depth, 0 in holes.
        grid: Patches along a side.

    Returns:
        (grid, grid) mean depth of what was measured, (grid, grid, 2) its slopes from patch to patch (what a normal
        tells), and (grid, grid) bool whether enough was measured.
    """
    size = (grid, grid)
    measured = (depth > 0).astype(np.float32)
    share = cv2.resize(measured, size, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(depth * measured, size, interpolation=cv2.INTER_AREA) / np.maximum(share, 1e-6)
    slopes = np.stack(np.gradient(mean), axis=-1)
    known = share >= LEAST_MEASURED
    inside = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    return mean, slopes, inside


def pca_picture(patches: Tensor, *, mask: Array) -> Array:
    """(h, w, 3) uint8: the first three principal components of the patches of a mask, each spread over its range.

    Args:
        patches: (h, w, C).
        mask: (h, w) bool; the rest is black.
    """
    picture = np.zeros((*mask.shape, 3), np.uint8)
    chosen = patches.double()[torch.from_numpy(mask)]
    if len(chosen) < 4:
        return picture
    centred = chosen - chosen.mean(0)
    _, _, axes = torch.linalg.svd(centred, full_matrices=False)
    components = (centred @ axes[:3].T).numpy()
    low, high = np.percentile(components, [2, 98], axis=0)
    picture[mask] = np.clip(255 * (components - low) / np.maximum(high - low, 1e-9), 0, 255).astype(np.uint8)
    return picture


def probe(
    encoder: Path, corpus: Path, out: Path, *, count: int = 200, beside: Path | None = None
) -> dict[str, float]:
    """Measures an encoder on the first maps of a corpus; writes `probe.json` and `pca.png`.

    Args:
        encoder: What `dino_depth.publish` wrote, or any ViT that timm loads from a directory.
        corpus: What `dino_depth.prepare` wrote.
        out: Where the files go.
        count: Depth maps.
        beside: Another encoder, whose PCA is drawn beside.

    Raises:
        ProbeError: the encoder can't be loaded, or too little was measured.
    """
    rows = open_corpus(corpus)
    maps = [decode_depth(rows[index]) for index in range(min(count, len(rows)))]
    classes, patches, prepared = _features(encoder, maps)
    grid = patches.shape[1]
    found = [patch_targets(depth, grid) for depth in prepared]
    chosen = torch.from_numpy(np.stack([inside for _, _, inside in found]))
    if int(chosen.sum()) < 2 * patches.shape[-1]:
        raise ProbeError(
            f"{corpus}: expected more measured patches than {2 * patches.shape[-1]}, found {int(chosen.sum())}"
        )
    depth = torch.from_numpy(np.stack([mean for mean, _, _ in found]))[chosen][:, None]
    slopes = torch.from_numpy(np.stack([slope for _, slope, _ in found]))[chosen]
    tokens = patches[chosen]
    figures = {
        "rank_of_class_tokens": rank_me(classes - classes.mean(0)),
        "rank_of_patch_tokens": rank_me(tokens - tokens.mean(0)),
        "deviation_of_patch_tokens": float(F.normalize(tokens, dim=-1).std(0).mean()),
        "smoothness": smoothness(patches),
        "depth_r2": linear_probe(tokens, depth),
        "slope_r2": linear_probe(tokens, slopes),
        "maps": float(len(maps)),
    }
    out.mkdir(parents=True, exist_ok=True)
    rows_of_tiles = [[_gray(one) for one in prepared[:PICTURES]]]
    for directory in [encoder, *([beside] if beside else [])]:
        _, drawn, _ = _features(directory, maps[:PICTURES])
        masks = [
            cv2.resize((one > 0).astype(np.uint8), drawn.shape[1:3][::-1]) > 0 for one in prepared[:PICTURES]
        ]
        rows_of_tiles.append([pca_picture(one, mask=mask) for one, mask in zip(drawn, masks, strict=True)])
    _write(out / "pca.png", cv2.imencode(".png", _sheet(rows_of_tiles))[1].tobytes())
    _write(out / "probe.json", (json.dumps(figures, indent=2) + "\n").encode())
    return figures


@torch.inference_mode()
def _features(encoder: Path, maps: Sequence[Array]) -> tuple[Tensor, Tensor, list[Array]]:
    """(B, C) class tokens, (B, grid, grid, C) patch tokens, and the B prepared maps."""
    try:
        config = json.loads((encoder / "config.json").read_text(encoding="utf-8"))
        model = timm.create_model(f"local-dir:{encoder}", pretrained=True, num_classes=0).eval()
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ProbeError(
            f"{encoder}: expected an encoder that timm loads from a directory ({reason})"
        ) from None
    height, width = model.patch_embed.img_size
    channels = int(model.patch_embed.proj.in_channels)
    method = config.get("depth_normalisation", "robust")
    prepared = [
        cv2.resize(normalise(depth, method), (width, height), interpolation=cv2.INTER_NEAREST)
        for depth in maps
    ]
    classes, patches = [], []
    for one in prepared:
        tokens = model.forward_features(torch.from_numpy(one)[None, None].expand(-1, channels, -1, -1))[0]
        classes.append(tokens[0])
        patches.append(tokens[model.num_prefix_tokens :])
    side = model.patch_embed.grid_size[0]
    grids = torch.stack(patches).reshape(len(maps), side, -1, patches[0].shape[-1])
    return torch.stack(classes), grids, prepared


def _gray(depth: Array) -> Array:
    measured = depth > 0
    nearest = np.where(measured, 255 * (1.05 - depth / max(float(depth.max()), 1e-6)), 0)
    return np.asarray(cv2.cvtColor(np.clip(nearest, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR))


def _sheet(rows: Sequence[Sequence[Array]]) -> Array:
    size = (SHOWN, SHOWN)
    return np.vstack(
        [np.hstack([cv2.resize(tile, size, interpolation=cv2.INTER_NEAREST) for tile in row]) for row in rows]
    )


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    partial.write_bytes(content)
    os.replace(partial, path)


def main(words: Sequence[str] | None = None) -> int:
    """The command line; an input that can't be used is one line on the standard error, and exit status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m dino_depth.probe",
        description="Figures of an encoder on depth maps, and a picture of its principal components.",
    )
    parser.add_argument("encoder", type=Path, metavar="ENCODER", help="what dino_depth.publish wrote")
    parser.add_argument(
        "--corpus", type=Path, required=True, metavar="DIR", help="what dino_depth.prepare wrote"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where probe.json and pca.png go"
    )
    parser.add_argument("--count", type=int, default=200, metavar="N", help="depth maps")
    parser.add_argument("--beside", type=Path, metavar="ENCODER", help="another encoder, to draw beside")
    arguments = parser.parse_args(words)
    try:
        figures = probe(
            arguments.encoder, arguments.corpus, arguments.out, count=arguments.count, beside=arguments.beside
        )
    except (ValueError, OSError) as error:
        print(f"dino_depth.probe: error: {error}", file=sys.stderr)
        return 2
    for name, value in figures.items():
        print(f"{name}: {value:.4g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
