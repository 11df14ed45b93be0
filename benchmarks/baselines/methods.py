"""The methods by the names that the command line takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from benchmarks.baselines.detector import Baseline
from benchmarks.baselines.row_name import TITLES, VIEW_BY_VIEW, row_name
from benchmarks.baselines.settings import make_settings
from modmap.detector.model import ModMap
from modmap.detector.protocol import Detector
from modmap.encoding.token_cache import TokenCache
from modmap.types import MODALITIES

MethodName = Literal["modmap", "difference", "patchcore", "efficientad", "ast", "btf", "cfm", "m3dm"]


def make_detector(
    name: MethodName,
    preset: str,
    overrides: Mapping[str, Any],
    *,
    device: str,
    token_cache: TokenCache | None = None,
) -> Baseline | ModMap:
    """A method that isn't fitted.

    Args:
        name: Which one.
        preset: As in `ModMap`; of the others, the size and how the part is found.
        overrides: Settings of the method, nested.
        device: As in `ModMap`.
        token_cache: As in `ModMap`.

    Raises:
        ModMapError: a setting is unknown or out of range, or an encoder is named for a preset that uses none.
    """
    if name == "modmap":
        image, depth = (_reference(overrides.get(f"{modality}_encoder")) for modality in MODALITIES)
        return ModMap(
            preset,
            device=device,
            image_encoder=image,
            depth_encoder=depth,
            settings=overrides,
            token_cache=token_cache,
        )
    method = VIEW_BY_VIEW[name]
    settings = make_settings(method.settings_type, preset, overrides)
    return Baseline(name, method, settings, device=device, token_cache=token_cache)


def _reference(encoder: Any) -> str | None:
    """The encoder that settings name, if any."""
    found = encoder.get("reference") if isinstance(encoder, Mapping) else None
    return found if isinstance(found, str) else None


def open_detector(
    name: MethodName, directory: Path, *, device: str, token_cache: TokenCache | None = None
) -> Detector:
    """A fitted method from its directory.

    Raises:
        ModMapError: a file is missing or damaged, or of another method.
    """
    if name == "modmap":
        return ModMap.from_pretrained(directory, device=device, token_cache=token_cache)
    return Baseline.from_pretrained(
        directory, name=name, method=VIEW_BY_VIEW[name], device=device, token_cache=token_cache
    )


def heading(name: MethodName, detector: Baseline | ModMap) -> str:
    """The method and what it looks at, for the head of a table; ModMap's own is its name."""
    if name == "modmap":
        return TITLES[name]
    return row_name(name, detector.config.model_dump(mode="json"))
