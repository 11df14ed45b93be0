"""CFM, crossmodal feature mapping (Costanzino 2024), view by view: ModMap with what it added switched off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.features.choice import FPFH, NONE, POINT_MAE, make_encoder
from benchmarks.features.fpfh import FPFHFeatures
from modmap.config import EncoderSettings, make_config, merged
from modmap.detector import ModMap
from modmap.encoders import TokenEncoder
from modmap.errors import ModMapError
from modmap.token_cache import TokenCache

TITLE = "CFM"

# One mapping for all views, each view predicted from itself alone, the two distances multiplied (Secs. 3.1 to 3.3).
CHANGES: dict[str, Any] = {
    "mapping": {"cross_view": False, "view_conditioning": False},
    "inference": {"aggregation": "prod"},
    "depth_encoder": {"reference": FPFH},
}


def make_cfm(
    preset: str, overrides: Mapping[str, Any], *, device: str, token_cache: TokenCache | None = None
) -> ModMap:
    """A CFM that isn't fitted: image to depth features and back, by the same three linear layers as ModMap's.

    Args:
        preset: As in `ModMap`.
        overrides: Settings of ModMap; `depth_encoder.reference` may be `fpfh`, the default, or any encoder.
        device: As in `ModMap`.
        token_cache: As in `ModMap`.

    Raises:
        ModMapError: a setting is unknown or out of range, or switches on what makes a ModMap of it; the features need
            what isn't here.
    """
    settings = merged(CHANGES, overrides)
    config = make_config(preset, settings)
    if config.mapping.cross_view or config.mapping.view_conditioning or config.mapping.class_conditioning:
        raise ModMapError(
            "cfm: expected no cross-view mapping and no conditioning, which would make it ModMap, found "
            f"{config.mapping.model_dump(mode='json')}"
        )
    for modality, named in (("image", config.image_encoder), ("depth", config.depth_encoder)):
        if named.reference in (NONE, POINT_MAE):
            _refuse(modality, named)
    return ModMap(
        preset,
        device=device,
        settings=settings,
        token_cache=token_cache,
        depth_features=depth_features(config.depth_encoder),
    )


def open_cfm(directory: Path, *, device: str, token_cache: TokenCache | None = None) -> ModMap:
    """Loads a fitted CFM.

    Raises:
        ModMapError: as `ModMap.from_pretrained`.
    """
    found = ModMap.from_pretrained(directory, device=device, token_cache=token_cache)
    features = depth_features(found.config.depth_encoder)
    if features is None:
        return found
    return ModMap.from_pretrained(directory, device=device, token_cache=token_cache, depth_features=features)


def depth_features(settings: EncoderSettings) -> Callable[[int], TokenEncoder] | None:
    """What takes the depth encoder's place: FPFH, or nothing."""
    return FPFHFeatures if settings.reference == FPFH else None


def _refuse(modality: str, settings: EncoderSettings) -> None:
    if settings.reference == NONE:
        raise ModMapError(
            f"{modality}_encoder: expected features of the {modality}, which cfm needs, found none"
        )
    make_encoder(settings, "depth", size=0)
