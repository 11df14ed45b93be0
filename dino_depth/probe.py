"""`python -m dino_depth.probe`: is an encoder learning, and do its tokens tell defects? Figures and pictures."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import cv2
import timm
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.nn import functional as F

from dino_depth.arrays import Array
from dino_depth.atomic import atomic_file
from dino_depth.data.corpus import open_corpus
from dino_depth.data.normalisation import Normalisation
from dino_depth.data.sources.labelled_parts import labelled_parts
from dino_depth.errors import DinoDepthError, one_line, refused
from dino_depth.probing.anomalies import Shown, anomaly_probe
from dino_depth.probing.backbone import backbone_tokens, probe_backbone
from dino_depth.probing.maps import ProbeMaps, probe_maps
from dino_depth.probing.neighbours import why_not
from dino_depth.probing.pictures import depth_picture, pca_picture, sheet

PICTURES = 8
FEWEST_PATCHES = 3  # along a side: a patch is asked for its slopes
FIGURES, PICTURE, ANOMALIES = "probe.json", "pca.png", "anomalies.json"


def probe(
    encoder: Path,
    corpus: Path,
    out: Path,
    *,
    count: int = 200,
    size: int | None = None,
    beside: Path | None = None,
) -> tuple[dict[str, float], str | None]:
    """Measures a stored encoder on maps of a corpus; writes `probe.json` and `pca.png`.

    Args:
        encoder: What `dino_depth.publish` wrote, or any ViT that timm loads from a directory.
        corpus: What `dino_depth.prepare` wrote.
        out: Where the files go.
        count: Depth maps, chosen at random, the same ones every time.
        size: Side of the encoders' input in pixels, taken to a whole number of patches; None for each one's own.
        beside: Another encoder, whose principal components are drawn in a row below.

    Returns:
        The figures of `probe_backbone`, and why nearest neighbours aren't among them, or None.

    Raises:
        DinoDepthError: an encoder can't be loaded, there is no corpus, a map is damaged, or too little was measured.
    """
    rows = open_corpus(corpus)
    backbone, normalisation = _load(encoder, size)
    maps = _maps_for(backbone, rows, normalisation, count)
    figures = probe_backbone(backbone, maps)
    shown = maps.inputs[_spread(len(maps)), 0].numpy()
    tiles = [[depth_picture(depth) for depth in shown], _components(backbone, maps)]
    if beside is not None:
        other, other_normalisation = _load(beside, size)
        tiles.append(_components(other, _maps_for(other, rows, other_normalisation, count)))
    with atomic_file(out / PICTURE) as partial:
        partial.write_bytes(cv2.imencode(".png", sheet(tiles))[1].tobytes())
    with atomic_file(out / FIGURES) as partial:
        partial.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return figures, why_not(maps.categories, maps.parts)


def probe_anomalies(
    encoder: Path, category: Path, out: Path, *, shown: Shown = "depth", size: int | None = None
) -> list[dict[str, float]]:
    """Measures what each layer's tokens tell of defects; writes `anomalies.json`.

    Args:
        encoder: As in `probe`.
        category: Of MVTec 3D-AD, or laid out as one.
        out: Where the file goes.
        shown: Depth, or the surface's normals to an encoder of three channels.
        size: As in `probe`.

    Returns:
        The figures of `anomaly_probe`, layer by layer.

    Raises:
        DinoDepthError: the encoder can't be loaded, or sees one channel where normals were asked, or the category has
            another layout or a damaged file.
    """
    backbone, normalisation = _load(encoder, size)
    channels = backbone.patch_embed.proj.weight.shape[1]
    if shown == "normals" and channels != 3:
        raise DinoDepthError(
            f"{encoder}: expected an encoder of three channels for normals, found one of {channels}"
        )
    nominal, test = labelled_parts(category)
    figures = anomaly_probe(backbone, nominal, test, shown=shown, depth_normalisation=normalisation)
    with atomic_file(out / ANOMALIES) as partial:
        partial.write_text(json.dumps({"shown": shown, "layers": figures}, indent=2) + "\n", encoding="utf-8")
    return figures


def _load(encoder: Path, size: int | None) -> tuple[VisionTransformer, Normalisation]:
    def create(**arguments: Any) -> nn.Module:
        model: nn.Module = timm.create_model(
            f"local-dir:{encoder}", pretrained=True, num_classes=0, **arguments
        )
        return model

    try:
        config = json.loads((encoder / "config.json").read_text(encoding="utf-8"))
        backbone = create()
        if size is not None and isinstance(backbone, VisionTransformer):
            patch = backbone.patch_embed.patch_size[0]
            backbone = create(img_size=max(FEWEST_PATCHES, round(size / patch)) * patch)
    except Exception as error:
        reason = one_line(error, longest=200)
        raise DinoDepthError(
            f"{encoder}: expected an encoder that timm loads from a directory ({reason})"
        ) from None
    if not isinstance(backbone, VisionTransformer) or not backbone.has_class_token:
        raise DinoDepthError(f"{encoder}: expected a ViT with a class token, found {type(backbone).__name__}")
    normalisation = config.get("depth_normalisation", "robust")
    if normalisation not in get_args(Normalisation):
        raise DinoDepthError(
            f"{encoder}: expected depth_normalisation {' or '.join(get_args(Normalisation))}, "
            f"found {normalisation}"
        )
    return backbone, normalisation


def _maps_for(backbone: VisionTransformer, rows: Any, normalisation: Normalisation, count: int) -> ProbeMaps:
    size, patch = backbone.patch_embed.img_size[0], backbone.patch_embed.patch_size[0]
    return probe_maps(rows, size=size, patch=patch, depth_normalisation=normalisation, count=count)


def _spread(count: int) -> list[int]:
    """The maps whose pictures are drawn, from all over the corpus."""
    shown = min(PICTURES, count)
    return [index * count // shown for index in range(shown)]


def _components(backbone: VisionTransformer, maps: ProbeMaps) -> list[Array]:
    chosen = maps.inputs[_spread(len(maps))]
    _, patches = backbone_tokens(backbone, chosen)
    measured = F.interpolate((chosen > 0).float(), size=patches.shape[1:3], mode="area")[:, 0] > 0.5
    return [pca_picture(one, mask=mask.numpy()) for one, mask in zip(patches, measured, strict=True)]


def main(words: Sequence[str] | None = None) -> int:
    """The command line; an input that can't be used is one line on the standard error, and exit status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m dino_depth.probe",
        description="Figures of an encoder on depth maps, and a picture of its principal components; what each layer "
        "tells of defects.",
    )
    add = parser.add_argument
    add("encoder", type=Path, metavar="ENCODER", help="what dino_depth.publish wrote")
    add("--corpus", type=Path, metavar="DIR", help="what dino_depth.prepare wrote")
    add(
        "--anomalies",
        type=Path,
        metavar="DIR",
        help="a category of MVTec 3D-AD, to tell defects of, by layer",
    )
    add("--shown", choices=get_args(Shown), default="depth", help="of its parts (default: %(default)s)")
    add("--out", type=Path, required=True, metavar="DIR", help="where the figures and pca.png go")
    add("--count", type=int, default=200, metavar="N", help="depth maps of the corpus (default: %(default)s)")
    add("--size", type=int, metavar="PIXELS", help="side of the input (default: each encoder's own)")
    add("--beside", type=Path, metavar="ENCODER", help="another encoder, to draw below")
    arguments = parser.parse_args(words)
    try:
        if arguments.corpus is None and arguments.anomalies is None:
            raise DinoDepthError("--corpus or --anomalies: expected what to measure on, found neither")
        if arguments.count < 2:
            raise DinoDepthError(f"--count: expected at least 2 depth maps, found {arguments.count}")
        if arguments.corpus is not None:
            figures, reason = probe(
                arguments.encoder,
                arguments.corpus,
                arguments.out,
                count=arguments.count,
                size=arguments.size,
                beside=arguments.beside,
            )
            for name, value in figures.items():
                print(f"{name}: {value:.4g}")
            if reason:
                print(f"knn_accuracy: not measured: {reason}")
        if arguments.anomalies is not None:
            layers = probe_anomalies(
                arguments.encoder,
                arguments.anomalies,
                arguments.out,
                shown=arguments.shown,
                size=arguments.size,
            )
            for index, layer in enumerate(layers):
                print(f"layer {index}: " + "  ".join(f"{name} {value:.3f}" for name, value in layer.items()))
    except (DinoDepthError, OSError) as error:
        return refused("dino_depth.probe", error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
