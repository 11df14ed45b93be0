"""`python -m dino_depth.publish`: from a checkpoint to an encoder that timm loads, and to a hub repo."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import timm
import torch
from torch import Tensor

from dino_depth.config import PretrainConfig
from dino_depth.training.checkpoints import MODEL, RECORD, CheckpointError, Checkpoints, read_tensors

CHECKPOINTS = "checkpoints"
TEACHER = "teacher.backbone."
LICENCE = "apache-2.0"
# Where each source says under which terms its data may be used.
DATA_LICENCES = {
    "mvtec_3d_ad": "CC BY-NC-SA 4.0",
    "mvtec_ad": "CC BY-NC-SA 4.0",
    "mvtec_loco": "CC BY-NC-SA 4.0",
    "mvtec_ad_2": "CC BY-NC-SA 4.0",
    "eyecandies": "CC BY-NC-SA 4.0",
    "visa": "CC BY 4.0",
    "real_iad_d3": "see its authors",
    "cadscan": "none needed: simulated",
}


class PublishError(ValueError):
    """An encoder that can't be published; one line."""


def publish(
    source: Path, out: Path, *, half: bool = False, figures: Mapping[str, float] | None = None
) -> Path:
    """Writes the teacher's backbone as a directory that `timm.create_model("local-dir:PATH")` loads.

    The directory appears whole or not at all: `config.json`, `model.safetensors`, `README.md`.

    Args:
        source: A checkpoint, or a run, of which the latest is taken.
        out: The directory, new.
        half: Store float16 weights.
        figures: Of a probe, for the card.

    Raises:
        PublishError: there is no checkpoint, or `out` is there already.
        CheckpointError: the checkpoint is damaged.
    """
    checkpoint = _checkpoint(source)
    if out.exists():
        raise PublishError(f"{out}: expected a new directory, found one")
    record = json.loads((checkpoint / RECORD).read_text(encoding="utf-8"))
    config = PretrainConfig.model_validate(record["config"])
    weights = _teacher(checkpoint, half=half)
    partial = out.with_name(f".{out.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / MODEL).write_bytes(safetensors.torch.save(weights, metadata={"format": "pt"}))
    content = _timm_config(config, record)
    (partial / "config.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    card = _card(config, record, weights, figures or {}, name=out.name)
    (partial / "README.md").write_text(card, encoding="utf-8")
    _check_loads(partial)
    os.replace(partial, out)
    return out


def push(directory: Path, repo_id: str, *, private: bool = False) -> str:
    """Uploads a published encoder to the Hugging Face hub (`HF_ENDPOINT`); returns its address.

    Raises:
        PublishError: the hub doesn't take it.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        address = api.create_repo(repo_id, private=private, exist_ok=True)
        api.upload_folder(repo_id=repo_id, folder_path=directory, commit_message="Publish the depth encoder")
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise PublishError(f"{repo_id}: the hub doesn't take it ({reason})") from None
    return str(address)


def _checkpoint(source: Path) -> Path:
    if (source / RECORD).is_file():
        return source
    latest = Checkpoints(source / CHECKPOINTS, keep=1).latest()
    if latest is None:
        raise PublishError(f"{source}: expected a checkpoint, or a run with {CHECKPOINTS}/, found none")
    return latest


def _teacher(checkpoint: Path, *, half: bool) -> dict[str, Tensor]:
    weights = {
        name.removeprefix(TEACHER): tensor.half() if half else tensor
        for name, tensor in read_tensors(checkpoint / MODEL).items()
        if name.startswith(TEACHER)
    }
    if not weights:
        raise CheckpointError(f"{checkpoint / MODEL}: expected weights named {TEACHER}*, found none")
    return weights


def _timm_config(config: PretrainConfig, record: Mapping[str, Any]) -> dict[str, Any]:
    size = config.crops.global_size
    model = timm.create_model(config.model.architecture, num_classes=0, **_arguments(config))
    return {
        "architecture": config.model.architecture,
        "num_classes": 0,
        "num_features": int(model.num_features),
        "global_pool": "token",
        "model_args": _arguments(config),
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


def _arguments(config: PretrainConfig) -> dict[str, Any]:
    return {
        "in_chans": config.model.in_chans,
        "img_size": config.crops.global_size,
        "init_values": config.model.layer_scale,
        **config.model.options,
    }


def _check_loads(directory: Path) -> None:
    with torch.device("cpu"):
        try:
            timm.create_model(f"local-dir:{directory}", pretrained=True)
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise PublishError(f"{directory}: timm can't load what was written ({reason})") from None


def _card(
    config: PretrainConfig,
    record: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    figures: Mapping[str, float],
    *,
    name: str,
) -> str:
    count = sum(tensor.numel() for tensor in weights.values())
    sources = record.get("sources", {})
    lines = [
        "---",
        f"license: {LICENCE}",
        "library_name: timm",
        "pipeline_tag: image-feature-extraction",
        "tags: [depth, self-supervised, dinov2]",
        "---",
        f"# {name}",
        "",
        f"A ViT for depth maps ({config.model.architecture}, {count / 1e6:.1f} M weights, one channel), trained from "
        f"{config.model.start_from or 'random weights'} by DINO-v2's objective on depth alone, with spatial "
        "augmentations only.",
        "",
        "```python",
        f'model = timm.create_model("local-dir:{name}", pretrained=True)',
        "```",
        "",
        f"Input: (B, 1, H, W), depth normalised as `{config.model.depth_normalisation}`: "
        + (
            "the 1st to 99th percentile of what was measured spread over [0.1, 1], 0 where nothing was."
            if config.model.depth_normalisation == "robust"
            else "divided by its maximum, 0 where nothing was measured."
        ),
        "",
        "## Data",
        "",
        *(
            f"- {source}: {maps} depth maps ({DATA_LICENCES.get(source, 'licence not known to this package')})"
            for source, maps in sources.items()
        ),
        "",
        "## Recipe",
        "",
        f"{record['step']} of {record['steps']} steps of {record['total_batch']} depth maps.",
        "",
        "```json",
        json.dumps(config.model_dump(mode="json", exclude={"run", "data"}), indent=2),
        "```",
    ]
    if figures:
        lines += ["", "## Probe", "", *(f"- {key}: {value:.4g}" for key, value in figures.items())]
    return "\n".join(lines) + "\n"


def main(words: Sequence[str] | None = None) -> int:
    """The command line; an input that can't be used is one line on the standard error, and exit status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m dino_depth.publish",
        description="Write the teacher of a run as an encoder that timm loads.",
    )
    parser.add_argument("source", type=Path, metavar="RUN", help="a run, or one of its checkpoints")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the encoder goes, new")
    parser.add_argument("--half", action="store_true", help="store float16 weights")
    parser.add_argument(
        "--probe", type=Path, metavar="JSON", help="figures of dino_depth.probe, for the card"
    )
    parser.add_argument("--push", metavar="ORG/NAME", help="upload it to this hub repo")
    parser.add_argument("--private", action="store_true", help="make the repo private")
    arguments = parser.parse_args(words)
    try:
        figures = json.loads(arguments.probe.read_text(encoding="utf-8")) if arguments.probe else None
        out = publish(arguments.source, arguments.out, half=arguments.half, figures=figures)
        print(out)
        if arguments.push:
            print(push(out, arguments.push, private=arguments.private))
    except (ValueError, OSError) as error:
        print(f"dino_depth.publish: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
