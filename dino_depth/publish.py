"""`python -m dino_depth.publish`: from a checkpoint to an encoder that timm loads, and to a hub repo."""

from __future__ import annotations

import argparse
import errno
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import timm
import torch
from torch import Tensor

from dino_depth.atomic import atomic_directory, write_bytes
from dino_depth.config import PretrainConfig, validated
from dino_depth.errors import DinoDepthError, one_line, refused
from dino_depth.files import read_json, read_text
from dino_depth.objective.student_teacher import timm_arguments
from dino_depth.publishing.card import LICENCE, card
from dino_depth.publishing.hub import CARD, CONFIG, WEIGHTS, push, require_name
from dino_depth.training.checkpoints import (
    MODEL,
    RECORD,
    checkpoint_of,
    read_record,
    read_tensors,
    require_finite,
)

TEACHER = "teacher.backbone."
FIGURES = "the figures that dino_depth.probe wrote"


def publish(
    source: Path,
    out: Path,
    *,
    half: bool = False,
    figures: Mapping[str, float] | None = None,
    remarks: str = "",
) -> Path:
    """Writes the teacher's backbone as a directory that `timm.create_model("local-dir:PATH")` loads.

    The directory appears whole or not at all: `config.json`, `model.safetensors`, `README.md`.

    Args:
        source: A checkpoint, or a run, of which the latest is taken.
        out: The directory, new.
        half: Store float16 weights.
        figures: Of a probe, for the card.
        remarks: Markdown of the publisher's own, for the card.

    Raises:
        DinoDepthError: there is no checkpoint, or a damaged one, or `out` is there already.
        FullDiskError: the disk is full.
    """
    checkpoint = checkpoint_of(source)
    if out.exists():
        raise DinoDepthError(f"{out}: expected a new directory, found one")
    record = read_record(checkpoint)
    config = validated(record["config"], source=checkpoint / RECORD)
    settings = _timm_config(config, record, source=checkpoint / RECORD)
    weights = _teacher(checkpoint, half=half)
    count = sum(tensor.numel() for tensor in weights.values())
    try:
        with atomic_directory(out) as partial:
            write_bytes(partial / WEIGHTS, safetensors.torch.save(weights, metadata={"format": "pt"}))
            content = json.dumps(settings, indent=2)
            write_bytes(partial / CONFIG, (content + "\n").encode())
            text = card(config, record, name=out.name, weights=count, figures=figures or {}, remarks=remarks)
            write_bytes(partial / CARD, text.encode())
            _check_loads(partial)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        raise DinoDepthError(f"{out}: expected a new directory, found one that has come meanwhile") from None
    return out


def _teacher(checkpoint: Path, *, half: bool) -> dict[str, Tensor]:
    weights = {
        name.removeprefix(TEACHER): tensor.half() if half else tensor
        for name, tensor in read_tensors(checkpoint / MODEL).items()
        if name.startswith(TEACHER)
    }
    if not weights:
        raise DinoDepthError(f"{checkpoint / MODEL}: expected weights named {TEACHER}*, found none")
    for name, value in weights.items():  # float16 may not hold what is finite in float32
        require_finite(name, value, where=checkpoint / MODEL)
    return weights


def _timm_config(config: PretrainConfig, record: Mapping[str, Any], *, source: Path) -> dict[str, Any]:
    size = config.crops.global_size
    try:
        model = timm.create_model(config.model.architecture, num_classes=0, **timm_arguments(config))
    except Exception as error:  # an unknown name, or arguments that it doesn't take
        reason = one_line(error, longest=300)
        raise DinoDepthError(f"{source}: model: expected a ViT of timm, found another ({reason})") from None
    return {
        "architecture": config.model.architecture,
        "num_classes": 0,
        "num_features": int(model.num_features),
        "global_pool": "token",
        "model_args": timm_arguments(config),
        "depth_normalisation": config.model.depth_normalisation,
        "pretrained_cfg": {
            "input_size": [1, size, size],
            "num_classes": 0,
            "mean": [0.0],
            "std": [1.0],
            "interpolation": "nearest",
            "first_conv": "patch_embed.proj",
            "license": LICENCE,
        },
        "source": f"dino_depth, step {record['step']} of {record['steps']}",
        "licence": LICENCE,
    }


def _check_loads(directory: Path) -> None:
    with torch.device("cpu"):
        try:
            timm.create_model(f"local-dir:{directory}", pretrained=True)
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            reason = one_line(error, longest=300)
            raise DinoDepthError(f"{directory}: timm can't load what was written ({reason})") from None


def _figures(path: Path | None) -> dict[str, float]:
    if path is None:
        return {}
    figures = read_json(path, what=FIGURES)
    for name, value in figures.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise DinoDepthError(f"{path}: expected {FIGURES}, found {name} {value!r}")
    return figures


def main(words: Sequence[str] | None = None) -> int:
    """The command line; an input that can't be used is one line on the standard error, and exit status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m dino_depth.publish",
        description="Write the teacher of a run as an encoder that timm loads, and upload it to the hub.",
    )
    add = parser.add_argument
    add(
        "source",
        type=Path,
        metavar="RUN",
        help="a run, or one of its checkpoints; without --out: an encoder written before, for --push",
    )
    add("--out", type=Path, metavar="DIR", help="where the encoder goes, new")
    add("--half", action="store_true", help="store float16 weights")
    add("--probe", type=Path, metavar="JSON", help="figures of dino_depth.probe, for the card")
    add("--remarks", type=Path, metavar="FILE", help="Markdown of your own, for the card")
    add("--push", metavar="ORG/NAME", help="upload it to this hub repo")
    add("--private", action="store_true", help="make the repo private")
    arguments = parser.parse_args(words)
    try:
        if arguments.push:
            require_name(arguments.push)
        elif arguments.out is None:
            raise DinoDepthError("--out: expected where the encoder goes, or --push of one, found neither")
        out = arguments.source
        if arguments.out is not None:
            figures = _figures(arguments.probe)
            remarks = "" if arguments.remarks is None else read_text(arguments.remarks)
            out = publish(
                arguments.source, arguments.out, half=arguments.half, figures=figures, remarks=remarks
            )
            print(out)
        if arguments.push:
            print(push(out, arguments.push, private=arguments.private))
    except (DinoDepthError, OSError) as error:
        return refused("dino_depth.publish", error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
