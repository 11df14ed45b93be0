"""Frozen encoders of small ViTs on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modmap.config import EncoderSettings
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.types import Modality


def frozen(
    path: Path,
    modality: Modality = "image",
    *,
    normalisation: Any = "auto",
    precision: Any = "float32",
    layer: int | None = None,
    colour: bool = False,
    **arguments: Any,
) -> FrozenEncoder:
    """An encoder of 112 pixels, unless told otherwise."""
    settings = EncoderSettings(
        reference=f"local-dir:{path}",
        normalisation=normalisation,
        precision=precision,
        layer=layer,
        colour=colour,
    )
    return FrozenEncoder(settings, modality, **({"size": 112} | arguments))
