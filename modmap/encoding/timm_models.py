"""timm's vision transformers by reference: created with their weights, measured, and what they declare."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import hf_hub_download

from modmap.encoding.hub_cache import cached_encoder, require_on_hub
from modmap.encoding.known_encoders import published_as
from modmap.encoding.stored_encoder import CONFIG_NAME
from modmap.errors import ModMapError, one_line
from modmap.files.validated_json import read_json

LONGEST_REASON = 600


def load_vit(resolved: str, *, img_size: int) -> Any:
    """A ViT with its weights and without a classifier.

    Args:
        resolved: `local-dir:PATH` or `hf-hub:ORG/NAME`, with `@REVISION` or without.
        img_size: Side of its square input in pixels.

    Raises:
        ModMapError: it can't be reached, or its weights don't fit the architecture exactly.
    """
    return _create(resolved, pretrained=True, img_size=img_size)


def patch_and_channels(resolved: str) -> tuple[int, int]:
    """Pixels along a patch's side, and the channels that a ViT takes (1 or 3); no weight is loaded.

    Raises:
        ModMapError: it can't be reached, or is none that takes a gray image or a depth map.
    """
    with torch.device("meta"):
        model = _create(resolved, pretrained=False)
    embedding = getattr(model, "patch_embed", None)
    if embedding is None or not hasattr(model, "num_prefix_tokens"):
        raise ModMapError(
            f"encoder {resolved}: expected a timm vision transformer, found {type(model).__name__}"
        )
    height, width = embedding.patch_size
    if height != width:
        raise ModMapError(f"encoder {resolved}: expected square patches, found {height}x{width}")
    channels = int(embedding.proj.in_channels)
    if channels not in (1, 3):
        raise ModMapError(f"encoder {resolved}: expected 1 or 3 input channels, found {channels}")
    return int(height), channels


def declared_config(resolved: str) -> dict[str, Any]:
    """What the `config.json` of an encoder says, and the licence of a known one."""
    kind, _, place = _source(resolved).partition(":")
    if kind == "local-dir":
        path = Path(place) / CONFIG_NAME
    else:
        repository, _, revision = place.partition("@")
        path = Path(hf_hub_download(repository, CONFIG_NAME, revision=revision or None))
    config: dict[str, Any] = read_json(path)
    known = published_as(resolved.removeprefix("hf-hub:"))
    return config if known is None else {"licence": known.licence} | config


def _create(resolved: str, **arguments: Any) -> Any:
    kind, _, place = resolved.partition(":")
    if kind == "hf-hub":
        repository, _, revision = place.partition("@")
        require_on_hub(repository, revision or None)
    import timm  # seconds, which a model without such an encoder need not wait for

    try:
        return timm.create_model(_source(resolved), num_classes=0, **arguments)
    except Exception as error:
        raise ModMapError(f"encoder {resolved}: cannot be loaded: {_shortened(error)}") from error


def _source(resolved: str) -> str:
    """What timm is given: for a known encoder that is in the hub's cache, the directory there.

    The hub's client may go to the network even for a file that it has. Any other repository may have been written to
    since, so the client is to ask for what is new.
    """
    hub_id = resolved.removeprefix("hf-hub:")
    cached = cached_encoder(hub_id) if published_as(hub_id) else None
    return resolved if cached is None else f"local-dir:{cached}"


def _shortened(error: Exception) -> str:
    """One line, at most three of the weights that a list of torch's names."""
    long_list = r'("[^"]*"(?:, "[^"]*"){2})((?:, "[^"]*")+)'
    line = re.sub(long_list, lambda found: f"{found[1]} and {found[2].count(', ')} more", one_line(error))
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]} ..."
